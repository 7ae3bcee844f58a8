# Which files of this folder are not the models library: for the build here and within ns-3's tree.
# One of the two ways to sum ahead (wire/checksum_ahead.h).
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(checksum_not_here checksum_other)
else()
  set(checksum_not_here checksum_x86)
endif()

# Other people's stacks are a library of their own.
set(TWINPATH_NOT_MODELS "/models/foreign/|/${checksum_not_here}\\.cc")
