// What this process holds in memory of its own program file. Any thread.
#pragma once

namespace keyway::platform::local {

// Lets go of the pages of code and constants: most of them were needed to start only. What is needed again
// comes back from the page cache, a few pages at a time. Data that was written stays.
void let_go_of_program_pages();

}  // namespace keyway::platform::local
