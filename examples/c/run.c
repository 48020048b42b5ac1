/* Runs a spiking network with onnxruntime's C interface, and prints its first output.

       cc -o run run.c -lonnxruntime
       ./run snn.onnx 8 image.bin

   The second argument is T. The file has T as an input, optional or required, or it is one of a
   single step (--layout step), which is then run T times. image.bin holds the numbers of the first
   input, float32, one after another; axes of any size have length 1. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include("onnxruntime_c_api.h")
#include "onnxruntime_c_api.h"
#else
#include "onnxruntime_part.h"
#endif

enum { MOST_AXES = 16, MOST_VALUES = 1024 };

static const OrtApi *api;
static OrtAllocator *allocator;

/* The inputs or the outputs of a session, with their values. */
typedef struct {
  size_t count;
  char *names[MOST_VALUES];
  OrtValue *values[MOST_VALUES];
} Values;

static void check(OrtStatus *status) {
  if (status == NULL) return;
  fprintf(stderr, "%s\n", api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  exit(1);
}

static void fail(const char *message, const char *what) {
  fprintf(stderr, "%s%s\n", message, what);
  exit(1);
}

static size_t bytes_of(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: return 4;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64: return 8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE: return 8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL: return 1;
    default: fail("an input is of a type that this program does not know", "");
  }
  return 0;
}

/* Returns a tensor of zeros; sets *data to its numbers and *bytes to their size. */
static OrtValue *new_tensor(ONNXTensorElementDataType type, const int64_t *shape, size_t rank,
                            void **data, size_t *bytes) {
  OrtValue *value;
  *bytes = bytes_of(type);
  for (size_t axis = 0; axis < rank; ++axis) *bytes *= (size_t)shape[axis];
  check(api->CreateTensorAsOrtValue(allocator, shape, rank, type, &value));
  check(api->GetTensorMutableData(value, data));
  memset(*data, 0, *bytes);
  return value;
}

/* Returns zeros for an input of a session, where axes of any size have length 1. */
static OrtValue *zeros_for(const OrtSession *session, size_t index, void **data, size_t *bytes) {
  OrtTypeInfo *info;
  const OrtTensorTypeAndShapeInfo *tensor;
  ONNXTensorElementDataType type;
  int64_t shape[MOST_AXES];
  size_t rank;
  check(api->SessionGetInputTypeInfo(session, index, &info));
  check(api->CastTypeInfoToTensorInfo(info, &tensor));
  check(api->GetTensorElementType(tensor, &type));
  check(api->GetDimensionsCount(tensor, &rank));
  if (rank > MOST_AXES) fail("an input has too many axes", "");
  check(api->GetDimensions(tensor, shape, rank));
  for (size_t axis = 0; axis < rank; ++axis) {
    if (shape[axis] < 1) shape[axis] = 1;
  }
  api->ReleaseTypeInfo(info);
  return new_tensor(type, shape, rank, data, bytes);
}

static OrtValue *scalar(ONNXTensorElementDataType type, const void *number) {
  void *data;
  size_t bytes;
  OrtValue *value = new_tensor(type, NULL, 0, &data, &bytes);
  memcpy(data, number, bytes);
  return value;
}

static void read_numbers(const char *path, void *data, size_t bytes) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("no file ", path);
  if (fread(data, 1, bytes, file) != bytes) fail("too few numbers in ", path);
  fclose(file);
}

static int position(const Values *values, const char *name) {
  for (size_t at = 0; at < values->count; ++at) {
    if (strcmp(values->names[at], name) == 0) return (int)at;
  }
  return -1;
}

/* Fills the inputs: the first from a file, T and all states. */
static Values inputs_of(const OrtSession *session, const char *path, int64_t steps) {
  Values inputs = {0};
  void *data;
  size_t bytes;
  check(api->SessionGetInputCount(session, &inputs.count));
  if (inputs.count >= MOST_VALUES) fail("too many inputs", "");
  for (size_t at = 0; at < inputs.count; ++at) {
    check(api->SessionGetInputName(session, at, allocator, &inputs.names[at]));
    inputs.values[at] = zeros_for(session, at, &data, &bytes);
    if (at == 0) read_numbers(path, data, bytes);
    if (strcmp(inputs.names[at], "T") == 0) memcpy(data, &steps, bytes);
  }
  bool has_steps = position(&inputs, "T") >= 0 || position(&inputs, "reset") >= 0;
  if (!has_steps) { /* an optional input is none of those that are counted */
    inputs.names[inputs.count] = "T";
    inputs.values[inputs.count++] = scalar(ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &steps);
  }
  return inputs;
}

static Values outputs_of(const OrtSession *session) {
  Values outputs = {0};
  check(api->SessionGetOutputCount(session, &outputs.count));
  if (outputs.count > MOST_VALUES) fail("too many outputs", "");
  for (size_t at = 0; at < outputs.count; ++at) {
    check(api->SessionGetOutputName(session, at, allocator, &outputs.names[at]));
  }
  return outputs;
}

static void run(OrtSession *session, const Values *inputs, Values *outputs) {
  for (size_t at = 0; at < outputs->count; ++at) {
    if (outputs->values[at] != NULL) api->ReleaseValue(outputs->values[at]);
    outputs->values[at] = NULL;
  }
  check(api->Run(session, NULL, (const char *const *)inputs->names,
                 (const OrtValue *const *)inputs->values, inputs->count,
                 (const char *const *)outputs->names, outputs->count, outputs->values));
}

/* Runs a file of one step several times: each NAME gets what the step before gave as NAME.next. */
static void run_steps(OrtSession *session, Values *inputs, Values *outputs, int64_t steps) {
  size_t reset = (size_t)position(inputs, "reset");
  for (int64_t step = 0; step < steps; ++step) {
    bool is_first = step == 0;
    api->ReleaseValue(inputs->values[reset]);
    inputs->values[reset] = scalar(ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, &is_first);
    run(session, inputs, outputs);
    for (size_t at = 0; at < inputs->count; ++at) {
      char next[512];
      snprintf(next, sizeof next, "%s.next", inputs->names[at]);
      int from = position(outputs, next);
      if (from < 0) continue;
      api->ReleaseValue(inputs->values[at]);
      inputs->values[at] = outputs->values[from];
      outputs->values[from] = NULL;
    }
  }
}

static void print_numbers(OrtValue *value) {
  OrtTensorTypeAndShapeInfo *info;
  size_t count;
  float *numbers;
  check(api->GetTensorTypeAndShape(value, &info));
  check(api->GetTensorShapeElementCount(info, &count));
  api->ReleaseTensorTypeAndShapeInfo(info);
  check(api->GetTensorMutableData(value, (void **)&numbers));
  for (size_t at = 0; at < count; ++at) printf("%.9g\n", numbers[at]);
}

int main(int argc, char **argv) {
  int64_t steps = argc == 4 ? strtoll(argv[2], NULL, 10) : 0;
  if (steps < 1) fail("usage: run snn.onnx T image.bin", "");
  OrtEnv *environment;
  OrtSessionOptions *options;
  OrtSession *session;
  api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (api == NULL) fail("the library is older than its header", "");
  check(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "run", &environment));
  check(api->CreateSessionOptions(&options));
  check(api->GetAllocatorWithDefaultOptions(&allocator));
  check(api->CreateSession(environment, argv[1], options, &session));
  Values inputs = inputs_of(session, argv[3], steps);
  Values outputs = outputs_of(session);
  if (position(&inputs, "reset") >= 0) {
    run_steps(session, &inputs, &outputs, steps);
  } else {
    run(session, &inputs, &outputs);
  }
  print_numbers(outputs.values[0]);
  api->ReleaseSession(session);
  api->ReleaseSessionOptions(options);
  api->ReleaseEnv(environment);
  return 0;
}
