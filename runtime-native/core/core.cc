#include "core/result.h"
#include "core/unique_fd.h"
