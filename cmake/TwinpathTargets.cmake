# The kinds of targets this project has, one function each.

# twinpath_library(NAME DIRECTORY [LINKS target...] [PRIVATE_LINKS target...] [EXCLUDE regex...])
# One static library of every source below DIRECTORY, header-only while there is none. PRIVATE_LINKS
# reach the link line of users, never their compile flags.
function(twinpath_library name directory)
  cmake_parse_arguments(arg "" "" "LINKS;PRIVATE_LINKS;EXCLUDE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${directory}/*.cc)
  foreach(pattern IN LISTS arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${pattern})
  endforeach()
  set(scope INTERFACE)
  if(sources)
    set(scope PUBLIC)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:twinpath_compile> ${arg_PRIVATE_LINKS})
  else()
    add_library(${name} INTERFACE)
  endif()
  target_compile_features(${name} ${scope} cxx_std_20)
  target_link_libraries(${name} ${scope} ${arg_LINKS})
  target_include_directories(${name} ${scope} $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<INSTALL_INTERFACE:include/twinpath>)
  string(REPLACE "twinpath_" "" short ${name})
  add_library(twinpath::${short} ALIAS ${name})
  set_target_properties(${name} PROPERTIES EXPORT_NAME ${short})
endfunction()

# twinpath_precompile(TARGET header...): precompiled headers, where big foreign ones are used.
function(twinpath_precompile name)
  get_target_property(type ${name} TYPE)
  if(NOT type STREQUAL "INTERFACE_LIBRARY" AND NOT TWINPATH_NO_PCH)
    target_precompile_headers(${name} PRIVATE ${ARGN})
  endif()
endfunction()

# twinpath_python_module(NAME SOURCE... LINKS target...): an extension module in build/.../bindings.
# Not under a sanitizer: the interpreter is not instrumented.
function(twinpath_python_module name)
  if(TWINPATH_SANITIZE)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
  set(PYTHON_EXECUTABLE /usr/bin/python3)
  find_package(pybind11 REQUIRED)
  pybind11_add_module(${name} MODULE NO_EXTRAS ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE twinpath_compile ${arg_LINKS})
  set_target_properties(${name} PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bindings CXX_VISIBILITY_PRESET hidden)
  add_dependencies(product ${name})
endfunction()

# twinpath_tests(NAME DIRECTORY LINKS target... [SERIAL] [LABELS label...] [PCH header...])
# One GoogleTest program of every source below DIRECTORY; each TEST is its own ctest entry, so each
# runs in its own process (EAL initialises once per process). SERIAL ones never run side by side.
function(twinpath_tests name directory)
  cmake_parse_arguments(arg "SERIAL" "" "LINKS;LABELS;PCH" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${directory}/*.cc)
  if(NOT sources OR NOT TWINPATH_BUILD_TESTS)
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} twinpath_test_support twinpath_compile
    GTest::gmock_main)
  twinpath_precompile(${name} <gtest/gtest.h> <gmock/gmock.h> <string> <vector> ${arg_PCH})
  set(properties TIMEOUT 300 LABELS "${arg_LABELS}" ENVIRONMENT "${TWINPATH_TEST_ENVIRONMENT}")
  if(arg_SERIAL)
    list(APPEND properties RESOURCE_LOCK ports)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX ${name}.
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES ${properties})
endfunction()

# twinpath_program(NAME SOURCES source... LINKS target... GROUP target): a program that is no test.
function(twinpath_program name)
  cmake_parse_arguments(arg "" "GROUP" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} twinpath_compile)
  add_dependencies(${arg_GROUP} ${name})
endfunction()

add_custom_target(product)
