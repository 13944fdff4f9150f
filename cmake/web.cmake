# app_site: the web interface as the program carries it. npm builds web/ into web/dist when its sources
# change; with KB_WEB=OFF the program is built without Node and shows a plain page in its place.
set(WEB "${CMAKE_SOURCE_DIR}/web")
if(KB_WEB AND EXISTS "${WEB}/package.json")
  file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS "${WEB}/src/*" "${WEB}/public/*")
  set(installed "${WEB}/node_modules/.installed")
  set(built "${CMAKE_BINARY_DIR}/web.built")
  add_custom_command(OUTPUT "${installed}"
    COMMAND "${CMAKE_SOURCE_DIR}/tools/web-packages"
    COMMAND ${CMAKE_COMMAND} -E touch "${installed}"
    DEPENDS "${WEB}/package-lock.json" WORKING_DIRECTORY "${WEB}" COMMENT "web: packages" VERBATIM
    USES_TERMINAL)
  add_custom_command(OUTPUT "${built}"
    COMMAND npm run --silent build -- --logLevel warn
    COMMAND ${CMAKE_COMMAND} -E touch "${built}"
    DEPENDS "${installed}" ${web_sources} "${WEB}/index.html" "${WEB}/docs.html" "${WEB}/vite.config.ts"
    WORKING_DIRECTORY "${WEB}" COMMENT "web: building" VERBATIM)
  kb_embed(app_site "${WEB}/dist" CODED DEPENDS "${built}")
else()
  kb_embed(app_site "${CMAKE_BINARY_DIR}/no-web")
endif()

# app_demo: the demo cinema's catalogue and pictures.
file(GLOB_RECURSE demo_files CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/demo/*.svg"
     "${CMAKE_SOURCE_DIR}/demo/catalogue.json")
kb_embed(app_demo "${CMAKE_SOURCE_DIR}/demo" DEPENDS ${demo_files})
