#include "shim/idle_memory.h"

#include <elf.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace berth {

void ReleaseIdleMemory() {
  malloc_trim(0);
  auto* header = reinterpret_cast<const Elf64_Phdr*>(getauxval(AT_PHDR));
  uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (unsigned long left = getauxval(AT_PHNUM); left > 0; left--, header++) {
    // Only what was never written, relocations included. The program is static and loads at its own addresses.
    if (header->p_type != PT_LOAD || (header->p_flags & PF_W) != 0) continue;
    uintptr_t begin = header->p_vaddr & ~(page - 1);
    uintptr_t end = (header->p_vaddr + header->p_memsz + page - 1) & ~(page - 1);
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

}  // namespace berth
