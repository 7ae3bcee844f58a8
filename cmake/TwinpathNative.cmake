# A user's own C++ (tp.native): the one recipe by which it is compiled, in every preset the same
# release flags without a sanitizer, and the hash by which workers know their own headers.
set(TWINPATH_NATIVE_COMPILE -std=c++20 -O2 -g1 -DNDEBUG -fPIC -fvisibility=hidden
  -fvisibility-inlines-hidden -ffp-contract=off)
# Whatever of models it uses becomes part of it, hidden; what is missing is found when it is linked.
set(TWINPATH_NATIVE_LINK -shared -Wl,--exclude-libs,ALL -Wl,-z,defs -Wl,--gc-sections)

# twinpath_native_recipe(TARGET OUT): the header of the hash for TARGET; OUT/native.json and
# OUT/native_abi.txt for the package.
function(twinpath_native_recipe name out)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/models/*.h)
  set(script ${PROJECT_SOURCE_DIR}/cmake/NativeAbi.cmake)
  set(template ${PROJECT_SOURCE_DIR}/bindings/plan/native_abi.h.in)
  set(generated ${PROJECT_BINARY_DIR}/generated)
  set(header ${generated}/bindings/plan/native_abi.h)
  add_custom_command(OUTPUT ${header} ${out}/native_abi.txt
    COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -DHEADER=${header}
      -DTEXT=${out}/native_abi.txt -P ${script}
    DEPENDS ${headers} ${script} ${template} COMMENT "Hashing the headers of models")
  target_sources(${name} PRIVATE ${header})
  target_include_directories(${name} PRIVATE ${generated})
  set(compile ${TWINPATH_NATIVE_COMPILE})
  set(link ${TWINPATH_NATIVE_LINK})
  list(JOIN compile "\", \"" compile)
  list(JOIN link "\", \"" link)
  file(GENERATE OUTPUT ${out}/native.json CONTENT
"{\"compiler\": \"${CMAKE_CXX_COMPILER}\",
 \"compile\": [\"${compile}\"],
 \"link\": [\"${link}\"],
 \"include\": \"${PROJECT_SOURCE_DIR}\",
 \"archive\": \"$<TARGET_FILE:twinpath_models>\"}
")
endfunction()
