# Node-API headers (from cmake-js) and node-addon-api's C++ wrapper around them.

execute_process(
  COMMAND node -p "require('node-addon-api').include_dir"
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  OUTPUT_VARIABLE node_addon_api OUTPUT_STRIP_TRAILING_WHITESPACE
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "node-addon-api is not installed. Run `npm ci`.")
endif()
get_filename_component(node_addon_api ${node_addon_api} ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})

add_library(moco_node_api INTERFACE)
target_include_directories(moco_node_api SYSTEM INTERFACE ${CMAKE_JS_INC} ${node_addon_api})
# What is thrown on JavaScript's thread becomes an exception of JavaScript, whatever its type. In an
# environment that is ending nothing can be thrown any more, and nobody is left to catch it: without
# the last definition the attempt would end the process.
target_compile_definitions(
  moco_node_api INTERFACE NAPI_VERSION=9 NODE_ADDON_API_CPP_EXCEPTIONS_ALL
                          NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)
if(APPLE)
  target_link_options(moco_node_api INTERFACE -undefined dynamic_lookup)
endif()
