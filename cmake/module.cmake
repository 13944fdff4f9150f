# kb_module(PATH [DEPENDS module...] [PUBLIC header...] [LIBS library...] [TEST_DEPENDS module...])
#
# One folder of src/ as a static library. It sees the headers of what it DEPENDS on and nothing else of
# the tree: every module has a private include folder of links, so an undeclared include does not
# compile, and a dependency from a lower layer on a higher one stops the configuration. PUBLIC narrows
# what others see to the named headers (domains: the one public header). LIBS are the libraries of
# cmake/libraries.cmake. Files: *_test.c make one test program, each *_fuzz.c one fuzz target.

set(KB_LAYERS foundation media engines domains gateway app)

function(kb_layer path out_rank)
  string(REGEX MATCH "^[a-z]+" top "${path}")
  list(FIND KB_LAYERS "${top}" rank)
  if(rank EQUAL 2) # engines and media stand side by side on the foundation
    set(rank 1)
  endif()
  set(${out_rank} ${rank} PARENT_SCOPE)
endfunction()

function(kb_check_layers path depends)
  kb_layer("${path}" own)
  foreach(other IN LISTS depends)
    kb_layer("${other}" rank)
    string(REGEX MATCH "^[a-z]+" own_top "${path}")
    string(REGEX MATCH "^[a-z]+" other_top "${other}")
    if(rank GREATER own OR (rank EQUAL own AND NOT own_top STREQUAL other_top))
      message(FATAL_ERROR "layers: ${path} may not depend on ${other}")
    endif()
  endforeach()
endfunction()

function(kb_module path)
  cmake_parse_arguments(M "" "" "DEPENDS;PUBLIC;LIBS;TEST_DEPENDS;TEST_LIBS" ${ARGN})
  string(REPLACE "/" "_" name "${path}")
  set(dir "${CMAKE_SOURCE_DIR}/src/${path}")
  set(visible "${CMAKE_BINARY_DIR}/include/${name}")
  kb_check_layers("${path}" "${M_DEPENDS}")

  file(REMOVE_RECURSE "${visible}") # what was visible may have narrowed since the last time
  if(M_PUBLIC)
    file(MAKE_DIRECTORY "${visible}/${path}")
    foreach(header IN LISTS M_PUBLIC)
      file(CREATE_LINK "${dir}/${header}" "${visible}/${path}/${header}" SYMBOLIC)
    endforeach()
  else()
    get_filename_component(parent "${visible}/${path}" DIRECTORY)
    file(MAKE_DIRECTORY "${parent}")
    file(CREATE_LINK "${dir}" "${visible}/${path}" SYMBOLIC)
  endif()

  file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.c")
  file(GLOB tests CONFIGURE_DEPENDS "${dir}/*_test.c")
  file(GLOB fuzzers CONFIGURE_DEPENDS "${dir}/*_fuzz.c")
  list(REMOVE_ITEM sources ${tests} ${fuzzers} "")
  list(TRANSFORM M_DEPENDS REPLACE "/" "_")
  list(TRANSFORM M_TEST_DEPENDS REPLACE "/" "_")

  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC "${visible}")
  target_link_libraries(${name} PUBLIC ${M_DEPENDS} PRIVATE ${M_LIBS})
  set_property(GLOBAL APPEND PROPERTY KB_MODULES ${name})

  if(KB_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} foundation_test ${M_TEST_DEPENDS} ${M_LIBS}
                                               ${M_TEST_LIBS})
    set_property(GLOBAL APPEND PROPERTY KB_TEST_PROGRAMS ${name}_test)
  endif()
  foreach(fuzzer IN LISTS fuzzers)
    kb_fuzz_target("${name}" "${fuzzer}" "${M_TEST_DEPENDS};${M_LIBS}")
  endforeach()
endfunction()

# A fuzz target: with KB_FUZZ a libFuzzer program, with KB_TESTS a program that replays the corpus
# tests/fuzz/NAME under the sanitizers, counted as one test.
function(kb_fuzz_target module source depends)
  get_filename_component(file "${source}" NAME_WE)
  if(KB_FUZZ)
    add_executable(${file} "${source}")
    target_link_options(${file} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${file} PRIVATE ${module} ${depends})
  elseif(KB_TESTS)
    add_executable(${file}_replay "${source}" "${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c")
    target_link_libraries(${file}_replay PRIVATE ${module} ${depends})
    string(REGEX REPLACE "_fuzz$" "" corpus "${file}")
    target_compile_definitions(${file}_replay PRIVATE
      KB_CORPUS="${CMAKE_SOURCE_DIR}/tests/fuzz/${corpus}")
    set_property(GLOBAL APPEND PROPERTY KB_TEST_PROGRAMS ${file}_replay)
  endif()
endfunction()
