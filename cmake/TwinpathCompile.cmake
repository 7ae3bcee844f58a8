# How every target of ours is compiled. The determinism flags are part of the promise: no contraction
# of floating-point expressions, no instruction set of the building machine.
option(TWINPATH_BUILD_TESTS "Build tests and benches" ON)
option(TWINPATH_SIM "Build the ns-3 driver" ON)
option(TWINPATH_EMU "Build the DPDK driver" ON)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(TWINPATH_CCACHE ccache)
if(TWINPATH_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${TWINPATH_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${TWINPATH_CCACHE})
endif()

add_library(twinpath_compile INTERFACE)
target_compile_options(twinpath_compile INTERFACE -ffp-contract=off -Wall -Wextra -Wpedantic
  -Wshadow -Wconversion -Werror)

# twinpath_library(NAME DIRECTORY): one static library of every source below DIRECTORY.
function(twinpath_library name directory)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${directory}/*.cc)
  if(sources)
    add_library(${name} STATIC ${sources})
    target_compile_features(${name} PUBLIC cxx_std_20)
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:twinpath_compile>)
    target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
      $<INSTALL_INTERFACE:include/twinpath>)
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
      $<INSTALL_INTERFACE:include/twinpath>)
  endif()
endfunction()
