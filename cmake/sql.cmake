# kb_sql(PATH [NAME]): embeds src/PATH/sql into the module PATH, declared before by kb_module. The module
# (and its tests, nobody else) then includes "<name>_sql.h", where <name> is NAME or the last part of PATH:
# the named queries as SQL_..., all of it as <NAME>_SQL. Needs engines/db among the module's DEPENDS.

function(kb_sql path)
  string(REPLACE "/" "_" name "${path}")
  get_filename_component(module "${path}" NAME)
  if(ARGC GREATER 1)
    set(module "${ARGV1}")
  endif()
  set(out "${CMAKE_BINARY_DIR}/generated/${path}")
  file(MAKE_DIRECTORY "${out}")
  file(GLOB files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${path}/sql/*.sql")
  if(NOT files)
    message(FATAL_ERROR "kb_sql: src/${path}/sql has no .sql file")
  endif()
  list(SORT files)
  add_custom_command(
    OUTPUT "${out}/${module}_sql.h" "${out}/${module}_sql.c"
    COMMAND sqlgen "${module}" "${out}/${module}_sql.h" "${out}/${module}_sql.c" ${files}
    DEPENDS sqlgen ${files}
    COMMENT "SQL of ${path}"
    VERBATIM)
  target_sources(${name} PRIVATE "${out}/${module}_sql.c" "${out}/${module}_sql.h")
  target_include_directories(${name} PRIVATE "${out}")
  if(TARGET ${name}_test)
    target_sources(${name}_test PRIVATE "${out}/${module}_sql.h")
    target_include_directories(${name}_test PRIVATE "${out}")
  endif()
endfunction()
