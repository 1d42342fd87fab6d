#pragma once

namespace berth {

// Gives back what is not needed to wait: freed heap, and the pages of the program that were used to start the
// container. They come back from the page cache, where one copy serves every shim.
void ReleaseIdleMemory();

}  // namespace berth
