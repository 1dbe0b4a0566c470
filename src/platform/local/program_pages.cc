#include "platform/local/program_pages.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace keyway::platform::local {

namespace {

// The program itself comes first; libraries, if there are any, are others' too.
int let_go(dl_phdr_info* program, size_t, void*) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const auto& part = program->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    uintptr_t begin = program->dlpi_addr + part.p_vaddr;
    uintptr_t end = begin + part.p_memsz;
    begin = (begin + page - 1) / page * page;
    end = end / page * page;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are numbers in program headers
    if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 1;
}

}  // namespace

void let_go_of_program_pages() { ::dl_iterate_phdr(let_go, nullptr); }

}  // namespace keyway::platform::local
