# The libraries we stand on, each from Debian's packages, under a name of ours (lib_...). A module names
# those it wraps in LIBS; no other module sees their headers by way of it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
add_library(lib_uv ALIAS PkgConfig::UV)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
add_library(lib_sqlite ALIAS PkgConfig::SQLITE)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
add_library(lib_crypto ALIAS PkgConfig::CRYPTO)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)
add_library(lib_pq ALIAS PkgConfig::PQ)
pkg_check_modules(SSL REQUIRED IMPORTED_TARGET libssl)
add_library(lib_ssl ALIAS PkgConfig::SSL)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
add_library(lib_nghttp2 ALIAS PkgConfig::NGHTTP2)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
add_library(lib_zlib ALIAS PkgConfig::ZLIB)
pkg_check_modules(BROTLI REQUIRED IMPORTED_TARGET libbrotlienc)
add_library(lib_brotli ALIAS PkgConfig::BROTLI)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
add_library(lib_expat ALIAS PkgConfig::EXPAT)

# librdkafka is loaded when Kafka is used (docs/adr/0050): its headers only, and tests of it link it.
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
add_library(lib_rdkafka INTERFACE)
target_include_directories(lib_rdkafka SYSTEM INTERFACE ${RDKAFKA_INCLUDE_DIRS})
target_link_libraries(lib_rdkafka INTERFACE ${CMAKE_DL_LIBS})

# Boost.Context's two C entry points, from the static library: it is a few hundred bytes of assembly.
find_library(BOOST_CONTEXT libboost_context.a REQUIRED)
add_library(lib_context INTERFACE)
target_link_libraries(lib_context INTERFACE "${BOOST_CONTEXT}")

# llhttp comes as C sources in Debian's node-llhttp; they are compiled as they are, in strict mode.
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
find_path(LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp REQUIRED)
add_library(lib_llhttp STATIC
  "${LLHTTP_SOURCES}/llhttp.c" "${LLHTTP_SOURCES}/api.c" "${LLHTTP_SOURCES}/http.c")
target_include_directories(lib_llhttp SYSTEM PUBLIC "${LLHTTP_INCLUDE}")
target_compile_definitions(lib_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(lib_llhttp PRIVATE -w)

# Tests read back what was compressed.
if(KB_TESTS)
  pkg_check_modules(BROTLI_READER REQUIRED IMPORTED_TARGET libbrotlidec)
  add_library(lib_brotli_reader ALIAS PkgConfig::BROTLI_READER)
endif()

# libavformat is the oracle of media tests and no part of the program; without it those tests are skipped.
if(KB_TESTS)
  add_library(lib_avformat INTERFACE)
  pkg_check_modules(AVFORMAT IMPORTED_TARGET libavformat libavcodec libavutil)
  if(AVFORMAT_FOUND)
    target_link_libraries(lib_avformat INTERFACE PkgConfig::AVFORMAT)
    target_compile_definitions(lib_avformat INTERFACE KB_HAVE_AVFORMAT=1)
  endif()
endif()
