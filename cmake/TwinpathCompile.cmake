# How every target of ours is compiled. The determinism flags are part of the promise: no
# contraction of floating-point expressions, no instruction set of the building machine.
option(TWINPATH_BUILD_TESTS "Build the GoogleTest suites" ON)
option(TWINPATH_SIM "Build the ns-3 driver" ON)
option(TWINPATH_EMU "Build the DPDK driver" ON)
option(TWINPATH_FUZZ "Build the libFuzzer targets (clang)" OFF)
set(TWINPATH_SANITIZE "" CACHE STRING "Value of -fsanitize for everything of ours, empty for none")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

# -g1 keeps line numbers for stack traces and profiles at a fifth of -g's size. Debug is -O1, not
# -O0: the sanitized suites run four times faster and the traces stay readable.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")

# One compiler cache for every worktree and clone: paths are hashed relative to the source tree, and
# the sloppiness is what ccache asks for with precompiled headers.
find_program(TWINPATH_CCACHE ccache)
if(TWINPATH_CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${TWINPATH_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

add_library(twinpath_compile INTERFACE)
target_compile_options(twinpath_compile INTERFACE -ffp-contract=off
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
# clang counts changes of sign among -Wconversion, g++ does not: both check the same.
target_compile_options(twinpath_compile INTERFACE
  $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>)
if(TWINPATH_CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(twinpath_compile INTERFACE -fpch-preprocess)
endif()
if(TWINPATH_SANITIZE)
  add_compile_options(-fsanitize=${TWINPATH_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TWINPATH_SANITIZE})
  # g++ 12 reports false "maybe uninitialized" in the standard library once sanitizers rewrite it.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
