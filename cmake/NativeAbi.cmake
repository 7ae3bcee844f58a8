# `cmake -DROOT=.. -DHEADER=.. -DTEXT=.. -P NativeAbi.cmake`: the hash of every header of models/,
# in a header for the workers and in a text for the parent. native.py computes it the same way.
cmake_policy(VERSION 3.25)
file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/models/*.h)
list(SORT headers)
set(all "")
foreach(header IN LISTS headers)
  file(SHA256 ${ROOT}/${header} digest)
  string(APPEND all "${header} ${digest}\n")
endforeach()
string(SHA256 TWINPATH_NATIVE_ABI "${all}")
configure_file(${ROOT}/bindings/plan/native_abi.h.in ${HEADER} @ONLY)
file(CONFIGURE OUTPUT ${TEXT} CONTENT "@TWINPATH_NATIVE_ABI@\n" @ONLY)
