#include "onnxruntime.h"

#include <algorithm>
#include <exception>
#include <mutex>

namespace onnx2snn {

namespace {

constexpr int kInvalidArgument = 2;

// Work on several threads of onnxruntime. What it throws is kept: it must not reach those threads.
struct ParallelWork {
  void (*work)(void*, size_t);
  void* user;
  std::mutex mutex;
  std::exception_ptr first_thrown;
};

void run_one_part(void* parallel, size_t part) noexcept {
  ParallelWork& all = *static_cast<ParallelWork*>(parallel);
  try {
    all.work(all.user, part);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(all.mutex);
    if (!all.first_thrown) all.first_thrown = std::current_exception();
  }
}

}  // namespace

bool are_positive(const std::vector<int64_t>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](int64_t number) { return number > 0; });
}

std::string to_text(const Shape& shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
  }
  return text + "]";
}

size_t size_of(ElementType type) {
  switch (type) {
    case ElementType::kInt8:
      return 1;
    case ElementType::kFloat:
      return 4;
    default:
      return 8;
  }
}

int64_t number_of_elements(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

OrtStatus* Onnxruntime::make_status(const char* message) const {
  return function<OrtStatus* (*)(int, const char*)>(kCreateStatus)(kInvalidArgument, message);
}

bool Onnxruntime::is_fine(OrtStatus* status) const {
  if (status == nullptr) return true;
  function<void (*)(OrtStatus*)>(kReleaseStatus)(status);
  return false;
}

void Onnxruntime::check(OrtStatus* status, const char* what) const {
  if (!is_fine(status)) throw std::runtime_error(std::string("onnxruntime refuses ") + what);
}

int64_t Onnxruntime::attribute(const OrtKernelInfo* node, const char* name, int64_t otherwise) const {
  int64_t value = 0;
  const auto get = function<OrtStatus* (*)(const OrtKernelInfo*, const char*, int64_t*)>(kKernelInfoGetAttributeInt64);
  return is_fine(get(node, name, &value)) ? value : otherwise;
}

std::vector<int64_t> Onnxruntime::attribute(const OrtKernelInfo* node, const char* name,
                                            std::vector<int64_t> otherwise) const {
  const auto get =
      function<OrtStatus* (*)(const OrtKernelInfo*, const char*, int64_t*, size_t*)>(kKernelInfoGetAttributeArrayInt64);
  size_t count = 0;
  if (!is_fine(get(node, name, nullptr, &count))) return otherwise;
  std::vector<int64_t> values(count);
  check(get(node, name, values.data(), &count), "an attribute");
  return values;
}

OrtCustomOpDomain* Onnxruntime::make_domain(const char* name) const {
  OrtCustomOpDomain* domain = nullptr;
  check(function<OrtStatus* (*)(const char*, OrtCustomOpDomain**)>(kCreateCustomOpDomain)(name, &domain),
        "a domain of operators");
  return domain;
}

void Onnxruntime::add_operator(OrtCustomOpDomain* domain, const OrtCustomOp* op) const {
  check(function<OrtStatus* (*)(OrtCustomOpDomain*, const OrtCustomOp*)>(kCustomOpDomainAdd)(domain, op),
        "an operator");
}

void Onnxruntime::add_domain(OrtSessionOptions* options, OrtCustomOpDomain* domain) const {
  check(function<OrtStatus* (*)(OrtSessionOptions*, OrtCustomOpDomain*)>(kAddCustomOpDomain)(options, domain),
        "the operators");
}

Shape Onnxruntime::shape_of(const OrtValue* value) const {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(function<OrtStatus* (*)(const OrtValue*, OrtTensorTypeAndShapeInfo**)>(kGetTensorTypeAndShape)(value, &info),
        "to tell a shape");
  size_t rank = 0;
  OrtStatus* status =
      function<OrtStatus* (*)(const OrtTensorTypeAndShapeInfo*, size_t*)>(kGetDimensionsCount)(info, &rank);
  Shape shape(status == nullptr ? rank : 0);
  if (status == nullptr) {
    status = function<OrtStatus* (*)(const OrtTensorTypeAndShapeInfo*, int64_t*, size_t)>(kGetDimensions)(
        info, shape.data(), rank);
  }
  function<void (*)(OrtTensorTypeAndShapeInfo*)>(kReleaseTensorTypeAndShapeInfo)(info);
  check(status, "to tell a shape");
  return shape;
}

InputTensor Onnxruntime::input(const OrtKernelContext* context, size_t index) const {
  const OrtValue* value = nullptr;
  check(function<OrtStatus* (*)(const OrtKernelContext*, size_t, const OrtValue**)>(kKernelContextGetInput)(
            context, index, &value),
        "an input");
  void* data = nullptr;
  check(function<OrtStatus* (*)(OrtValue*, void**)>(kGetTensorMutableData)(const_cast<OrtValue*>(value), &data),
        "an input");
  return {data, shape_of(value)};
}

void* Onnxruntime::output(OrtKernelContext* context, size_t index, const Shape& shape) const {
  OrtValue* value = nullptr;
  check(function<OrtStatus* (*)(OrtKernelContext*, size_t, const int64_t*, size_t, OrtValue**)>(
            kKernelContextGetOutput)(context, index, shape.data(), shape.size(), &value),
        "an output");
  if (value == nullptr) return nullptr;
  void* data = nullptr;
  check(function<OrtStatus* (*)(OrtValue*, void**)>(kGetTensorMutableData)(value, &data), "an output");
  return data;
}

void Onnxruntime::run_in_parallel(const OrtKernelContext* context, void (*work)(void*, size_t), size_t parts,
                                  void* user) const {
  ParallelWork all{work, user, {}, nullptr};
  check(function<OrtStatus* (*)(const OrtKernelContext*, void (*)(void*, size_t), size_t, size_t, void*)>(
            kKernelContextParallelFor)(context, run_one_part, parts, 0, &all),
        "to run in parallel");
  if (all.first_thrown) std::rethrow_exception(all.first_thrown);
}

}  // namespace onnx2snn
