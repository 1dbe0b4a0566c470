# Flags that hold for all of Keyway's own code, with g++ 12 and clang 19 alike.
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror -fPIE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 in the standard library at -O2 (GCC PR105651, PR105329).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
endif()
if(KEYWAY_SANITIZE)
  add_compile_options(-fsanitize=${KEYWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KEYWAY_SANITIZE})
endif()
if(KEYWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
