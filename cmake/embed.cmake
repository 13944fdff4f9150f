# kb_embed(NAME FOLDER [CODED] [DEPENDS file...]): a library with `const struct embedded_set NAME` that carries
# every file below FOLDER. DEPENDS are the files whose change calls for a new look at the folder.
function(kb_embed name folder)
  cmake_parse_arguments(E "CODED" "" "DEPENDS" ${ARGN})
  set(out "${CMAKE_BINARY_DIR}/generated/${name}.c")
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/generated")
  add_custom_command(OUTPUT "${out}" COMMAND embed ${name} "${folder}" "${out}"
                     $<$<BOOL:${E_CODED}>:coded> COMMAND_EXPAND_LISTS
                     DEPENDS embed ${E_DEPENDS} VERBATIM)
  add_library(${name} STATIC "${out}")
  target_compile_options(${name} PRIVATE -fno-lto)
  target_link_libraries(${name} PRIVATE foundation_base)
endfunction()
