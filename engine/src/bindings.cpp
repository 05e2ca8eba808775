// SPDX-License-Identifier: Apache-2.0
// The Python module: checks and converts arguments, holds buffers, releases the GIL. No arithmetic.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tritforge/bandwidth.hpp"
#include "tritforge/checked_fields.hpp"
#include "tritforge/context.hpp"
#include "tritforge/engine.hpp"
#include "tritforge/executor.hpp"
#include "tritforge/sampler.hpp"
#include "tritforge/sampling_weights.hpp"
#include "tritforge/signals.hpp"

namespace py = pybind11;

namespace tritforge {
namespace {

using Scores32 = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;
using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

/// A Python integer as it is; anything else is a ValueError that names it.
long long to_integer(const std::string& what, const py::handle& value) {
    // bool is an int in Python, but never meant as a size.
    if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) {
        throw py::value_error(what + " must be an integer, not " + std::string(py::repr(value)));
    }
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!index) throw py::error_already_set();
    int overflow = 0;
    const long long result = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
    if (overflow != 0) {
        throw py::value_error(what + " is " + std::string(py::str(index)) + ", out of range");
    }
    return result;
}

std::map<std::string, long long> to_mapping(const std::string& what, const py::dict& values) {
    std::map<std::string, long long> result;
    for (const auto& [key, value] : values) {
        const std::string name = py::str(key);
        result[name] = to_integer(what + ": " + name, value);
    }
    return result;
}

/// Shape from a dict, or from (dim, layers, glu_width, vocabulary).
std::map<std::string, long long> to_shape(const py::object& shape) {
    if (py::isinstance<py::dict>(shape)) return to_mapping("shape", shape.cast<py::dict>());
    std::map<std::string, long long> result;
    if (!py::isinstance<py::sequence>(shape) || py::len(shape) != std::size(kShapeFields)) {
        throw py::value_error("shape must be a dict or (dim, layers, glu_width, vocabulary)");
    }
    std::size_t position = 0;
    for (const ShapeField& field : kShapeFields) {
        result[field.name] =
            to_integer(field.name, shape.attr("__getitem__")(py::int_(position++)));
    }
    return result;
}

/// Contiguous items of the given format letters; the Py_buffer stays exported while `info` lives.
ByteView checked_view(const char* what, const py::buffer_info& info, py::ssize_t dimensions,
                      const std::string& formats) {
    py::ssize_t stride = info.itemsize;
    bool contiguous = info.ndim == dimensions;
    for (py::ssize_t axis = info.ndim; contiguous && axis-- > 0;) {
        const auto index = static_cast<std::size_t>(axis);
        contiguous = info.strides[index] == stride || info.shape[index] <= 1;
        stride *= info.shape[index];
    }
    const char last = info.format.empty() ? ' ' : info.format.back();
    const char first = info.format.empty() ? ' ' : info.format.front();
    const bool known = formats.find(last) != std::string::npos && first != '>' && first != '!' &&
                       info.format.size() <= 2;
    if (!contiguous || !known) {
        throw py::value_error(std::string(what) + " must be a C-contiguous " +
                              std::to_string(dimensions) + "-D buffer with items of type '" +
                              formats + "', not " + std::to_string(info.ndim) + "-D '" +
                              info.format + "'");
    }
    return {static_cast<const std::uint8_t*>(info.ptr),
            static_cast<std::size_t>(info.size * info.itemsize)};
}

std::vector<std::int64_t> to_vector(const char* what, const py::object& values) {
    const py::array array = py::array::ensure(values);
    const char kind = array ? array.dtype().kind() : '?';
    if (!array || array.ndim() != 1 || (kind != 'i' && kind != 'u' && array.size() > 0)) {
        PyErr_Clear();
        throw py::value_error(std::string(what) + " must be a 1-D sequence of integers");
    }
    const Integers integers(array);
    return {integers.data(), integers.data() + integers.size()};
}

/// Marks contexts as in use for as long as it lives; a second user is refused instead of racing.
class ContextGuard {
  public:
    ContextGuard() = default;
    ~ContextGuard() {
        for (std::atomic<bool>* busy : held_) busy->store(false, std::memory_order_release);
    }
    ContextGuard(const ContextGuard&) = delete;
    ContextGuard& operator=(const ContextGuard&) = delete;

    void hold(std::atomic<bool>& busy) {
        held_.reserve(held_.size() + 1);
        if (busy.exchange(true, std::memory_order_acquire)) {
            throw std::runtime_error(
                "this context is in use by another thread, or given twice: give each its own");
        }
        held_.push_back(&busy);
    }

  private:
    std::vector<std::atomic<bool>*> held_;
};

/// Section of an open file, to be read instead of mapped.
struct FileSection {
    int descriptor;
    std::uint64_t offset;
    std::size_t bytes;
};

FileSection make_file_section(const py::object& descriptor, const py::object& offset,
                              const py::object& bytes) {
    const auto checked = [](const char* what, const py::object& value, long long largest) {
        const long long integer = to_integer(what, value);
        check_range(what, integer, 0, largest);
        return integer;
    };
    constexpr long long kLargest = std::numeric_limits<std::ptrdiff_t>::max() / 4;
    return {static_cast<int>(checked("descriptor", descriptor, INT_MAX)),
            static_cast<std::uint64_t>(checked("offset", offset, kLargest)),
            static_cast<std::size_t>(checked("bytes", bytes, kLargest))};
}

/// Bytes of the image out of a buffer or a FileSection; keeps the buffer exported.
class Section {
  public:
    Section(const char* what, const py::object& object) : what_(what) {
        if (py::isinstance<FileSection>(object)) {
            file_ = object.cast<FileSection>();
        } else if (py::isinstance<py::buffer>(object)) {
            info_ = object.cast<py::buffer>().request();
        } else {
            throw py::value_error(std::string(what) + " must be a buffer or a FileSection, not " +
                                  std::string(py::repr(object)));
        }
    }

    const std::optional<FileSection>& file() const { return file_; }
    const py::buffer_info& info() const { return info_; }

    ByteSource source(py::ssize_t dimensions, const std::string& formats) const {
        if (file_) return {file_->descriptor, file_->offset, file_->bytes};
        const ByteView view = checked_view(what_, info_, dimensions, formats);
        return {view.data, view.bytes};
    }

  private:
    const char* what_;
    std::optional<FileSection> file_;
    py::buffer_info info_;
};

class PyContext;

/// The model, the buffers it reads, and the threads that run it.
class PyEngine {
  public:
    PyEngine(const py::object& weights, const py::object& parameters, const py::object& embedding,
             const py::object& shape, const py::object& rows_per_beat, const py::dict& widths,
             const py::object& sigmoid_table, const std::string& kernel, const py::object& threads)
        : weights_("weights", weights),
          parameters_("parameters", parameters),
          embedding_("embedding", embedding) {
        ByteSource weight_source = weights_.source(1, "B");
        const ByteSource parameter_source = parameters_.source(1, "B");
        ByteSource embedding_source = embedding_.source(2, "bh");
        const ModelShape model = checked_shape(to_shape(shape));
        const int embedding_bytes = embedding_item_bytes(model);
        const long long rows = to_integer("rows_per_beat", rows_per_beat);
        check_range("rows_per_beat", rows, 0, kRowBlock);
        const Widths checked = checked_widths(to_mapping("widths", widths));
        const std::vector<std::int64_t> table = to_vector("sigmoid_table", sigmoid_table);
        const Backend& backend = find_backend(kernel.c_str());
        const long long count = to_integer("threads", threads);
        check_range("threads", count, 1, kMaximumThreads);
        threads_ = static_cast<int>(count);
        const py::gil_scoped_release release;
        engine_ = std::make_shared<const Engine>(
            std::move(weight_source), parameter_source, std::move(embedding_source),
            embedding_bytes, model, static_cast<int>(rows), checked, table, backend, threads_);
        runner_ = std::make_unique<Runner>(engine_, threads_);
    }

    ~PyEngine() {
        // A forked child has none of the threads: nothing to stop, and waiting would never end.
        if (runner_ && getpid() != runner_->process) (void)runner_.release();
    }
    PyEngine(const PyEngine&) = delete;
    PyEngine& operator=(const PyEngine&) = delete;

    const std::shared_ptr<const Engine>& engine() const { return engine_; }
    int threads() const { return threads_; }

    /// Advance each context by its tokens; the contexts are held by the caller.
    void advance(const std::vector<Context*>& contexts,
                 const std::vector<std::vector<std::int64_t>>& tokens) {
        std::vector<Lane> lanes;
        for (std::size_t i = 0; i < contexts.size(); ++i) {
            if (tokens[i].empty())
                throw py::value_error("tokens is empty: give at least one token");
            for (const std::int64_t token : tokens[i]) {
                check_range("token", token, 0, engine_->shape().vocabulary - 1);
                lanes.push_back({contexts[i], token, false});
            }
            lanes.back().with_head = true;
        }
        Runner& runner = this->runner();
        for (std::size_t first = 0; first < lanes.size(); first += kMaximumLanes) {
            const std::size_t left = lanes.size() - first;
            {
                const py::gil_scoped_release release;
                const std::lock_guard<std::mutex> lock(runner.mutex);
                runner.executor.run(&lanes[first],
                                    static_cast<int>(std::min<std::size_t>(left, kMaximumLanes)));
            }
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        }
    }

    double time_products(int lanes) {
        check_range("lanes", lanes, 1, kMaximumLanes);
        Runner& runner = this->runner();
        const py::gil_scoped_release release;
        const std::lock_guard<std::mutex> lock(runner.mutex);
        return runner.executor.time_products(lanes);
    }

    std::int64_t rescued() {
        Runner& runner = this->runner();
        const py::gil_scoped_release release;
        const std::lock_guard<std::mutex> lock(runner.mutex);
        return runner.executor.rescued();
    }

    void advance_many(const py::sequence& contexts, const py::sequence& tokens);
    py::array_t<std::int32_t> step_many(const py::sequence& contexts, const py::object& tokens);

  private:
    /// One call at a time goes through the threads.
    struct Runner {
        Runner(std::shared_ptr<const Engine> engine, int threads)
            : executor(std::move(engine), threads), process(getpid()) {}

        Executor executor;
        std::mutex mutex;
        const long process;
    };

    /// New threads in a forked child. Called with the GIL held.
    Runner& runner() {
        if (getpid() != runner_->process) {
            (void)runner_.release();
            runner_ = std::make_unique<Runner>(engine_, threads_);
        }
        return *runner_;
    }

    /// Bytes of a mantissa; of a file section its length says it.
    int embedding_item_bytes(const ModelShape& model) const {
        if (embedding_.file()) {
            const auto values =
                static_cast<std::size_t>(model.vocabulary) * static_cast<std::size_t>(model.dim);
            return embedding_.file()->bytes == values ? 1 : 2;
        }
        const py::buffer_info& info = embedding_.info();
        if (info.shape[0] != model.vocabulary || info.shape[1] != model.dim) {
            throw py::value_error("embedding has shape (" + std::to_string(info.shape[0]) + ", " +
                                  std::to_string(info.shape[1]) + "), the model needs (" +
                                  std::to_string(model.vocabulary) + ", " +
                                  std::to_string(model.dim) + ")");
        }
        return static_cast<int>(info.itemsize);
    }

    Section weights_;
    Section parameters_;
    Section embedding_;
    std::shared_ptr<const Engine> engine_;
    int threads_ = 1;
    std::unique_ptr<Runner> runner_;
};

/// Seeded choice of tokens. One thread uses it at a time.
class PySampler {
  public:
    PySampler(double temperature, const py::object& top_k, double top_p, const py::object& seed,
              const py::object& banned_token)
        : sampler_({temperature, checked_top_k(top_k), top_p}, checked_seed(seed),
                   banned_token.is_none() ? -1 : to_integer("banned_token", banned_token)) {}

    std::int64_t choose(PyContext& context);
    Sampler& sampler() { return sampler_; }

  private:
    static int checked_top_k(const py::object& top_k) {
        const long long value = to_integer("top_k", top_k);
        check_range("top_k", value, 0, INT_MAX);
        return static_cast<int>(value);
    }

    static std::uint64_t checked_seed(const py::object& seed) {
        const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(seed.ptr()));
        if (!index) throw py::error_already_set();
        const std::uint64_t value = PyLong_AsUnsignedLongLong(index.ptr());
        if (PyErr_Occurred() != nullptr) {
            PyErr_Clear();
            throw py::value_error("seed is " + std::string(py::str(index)) +
                                  ", allowed are 0 to 2**64 - 1");
        }
        return value;
    }

    Sampler sampler_;
};

/// One stream. The engine object lives as long as its contexts.
class PyContext {
  public:
    PyContext(PyEngine& engine) : engine_(engine), context_(engine.engine()) {}

    void step(const py::object& token) {
        ContextGuard guard;
        guard.hold(busy_);
        engine_.advance({&context_}, {{to_integer("token", token)}});
    }

    void prefill(const py::object& tokens) {
        ContextGuard guard;
        guard.hold(busy_);
        engine_.advance({&context_}, {to_vector("tokens", tokens)});
    }

    std::int64_t next_token(const py::object& tokens, PySampler& sampler) {
        ContextGuard guard;
        guard.hold(busy_);
        engine_.advance({&context_}, {to_vector("tokens", tokens)});
        const py::gil_scoped_release release;
        return sampler.sampler().choose(context_);
    }

    py::array_t<std::int32_t> logits() {
        ContextGuard guard;
        guard.hold(busy_);
        check_scores();
        py::array_t<std::int32_t> result(context_.engine().shape().vocabulary);
        context_.logits(result.mutable_data());
        return result;
    }

    py::array_t<std::int32_t> accumulators() {
        ContextGuard guard;
        guard.hold(busy_);
        check_scores();
        return py::array_t<std::int32_t>(context_.engine().shape().vocabulary,
                                         context_.accumulators());
    }

    py::array_t<std::int32_t> state() {
        ContextGuard guard;
        guard.hold(busy_);
        const ModelShape& shape = context_.engine().shape();
        py::array_t<std::int32_t> result({shape.layers, shape.dim});
        for (int layer = 0; layer < shape.layers; ++layer) {
            std::copy_n(context_.state(layer), shape.dim, result.mutable_data(layer, 0));
        }
        return result;
    }

    void restore(const py::object& values) {
        ContextGuard guard;
        guard.hold(busy_);
        const ModelShape& shape = context_.engine().shape();
        const py::array array = py::array::ensure(values);
        const char kind = array ? array.dtype().kind() : '?';
        if (!array || (kind != 'i' && kind != 'u') || array.ndim() != 2 ||
            array.shape(0) != shape.layers || array.shape(1) != shape.dim) {
            PyErr_Clear();
            throw py::value_error("state must be an integer array of shape (" +
                                  std::to_string(shape.layers) + ", " + std::to_string(shape.dim) +
                                  ")");
        }
        const Integers integers(array);
        context_.restore(integers.data());
    }

    void reset() {
        ContextGuard guard;
        guard.hold(busy_);
        context_.reset();
    }

    py::dict saturations() {
        ContextGuard guard;
        guard.hold(busy_);
        const SaturationCounts& total = context_.saturations();
        py::dict result;
        for (std::size_t i = 0; i < kSignals; ++i) {
            if (total.counts[i] > 0) result[kSignalNames[i]] = total.counts[i];
        }
        return result;
    }

    const PyEngine& engine() const { return engine_; }
    Context& context() { return context_; }
    std::atomic<bool>& busy() { return busy_; }

  private:
    void check_scores() const {
        if (!context_.has_scores()) {
            throw std::runtime_error("no logits yet: run step or prefill first");
        }
    }

    PyEngine& engine_;
    Context context_;
    std::atomic<bool> busy_{false};
};

/// Contexts of one engine out of a Python sequence, held by `guard`.
std::vector<Context*> hold_contexts(const PyEngine& engine, const py::sequence& contexts,
                                    ContextGuard& guard) {
    std::vector<Context*> result;
    for (const py::handle& item : contexts) {
        if (!py::isinstance<PyContext>(item)) {
            throw py::value_error("contexts must hold Context objects, not " +
                                  std::string(py::repr(item)));
        }
        auto& context = item.cast<PyContext&>();
        if (&context.engine() != &engine) {
            throw py::value_error("a context belongs to another engine");
        }
        guard.hold(context.busy());
        result.push_back(&context.context());
    }
    return result;
}

void check_lengths(std::size_t contexts, std::size_t tokens) {
    if (contexts != tokens) {
        throw py::value_error(std::to_string(contexts) + " contexts, but tokens for " +
                              std::to_string(tokens));
    }
}

void PyEngine::advance_many(const py::sequence& contexts, const py::sequence& tokens) {
    check_lengths(contexts.size(), tokens.size());
    std::vector<std::vector<std::int64_t>> ids;
    for (const py::handle& item : tokens) {
        ids.push_back(to_vector("tokens", py::reinterpret_borrow<py::object>(item)));
    }
    ContextGuard guard;
    advance(hold_contexts(*this, contexts, guard), ids);
}

py::array_t<std::int32_t> PyEngine::step_many(const py::sequence& contexts,
                                              const py::object& tokens) {
    const std::vector<std::int64_t> ids = to_vector("tokens", tokens);
    check_lengths(contexts.size(), ids.size());
    ContextGuard guard;
    const std::vector<Context*> held = hold_contexts(*this, contexts, guard);
    std::vector<std::vector<std::int64_t>> single;
    for (const std::int64_t id : ids) single.push_back({id});
    advance(held, single);
    const int vocabulary = engine_->shape().vocabulary;
    py::array_t<std::int32_t> result({static_cast<int>(held.size()), vocabulary});
    for (std::size_t i = 0; i < held.size(); ++i) {
        held[i]->logits(result.mutable_data(i, 0));
    }
    return result;
}

std::int64_t PySampler::choose(PyContext& context) {
    ContextGuard guard;
    guard.hold(context.busy());
    const py::gil_scoped_release release;
    return sampler_.choose(context.context());
}

std::vector<std::string> kernel_names() {
    std::vector<std::string> names;
    for (const Backend* backend : available_backends()) names.emplace_back(backend->name);
    return names;
}

/// Test hook: dot products (lanes, rows) of one matrix of an operation.
py::array_t<std::int32_t> ternary_dot(const std::string& kernel, const py::buffer& packed, int rows,
                                      int matrix, const Integers& codes) {
    const py::buffer_info info = packed.request();
    const ByteView view = checked_view("packed", info, 4, "B");
    const Backend& backend = find_backend(kernel.c_str());
    check_range("code dimensions", codes.ndim(), 2, 2);
    check_range("lanes", codes.shape(0), 1, kMaximumLanes);
    check_range("codes", codes.shape(1), 1, kLongestInputs);
    check_range("rows", rows, 1, 1 << 18);
    check_range("matrix", matrix, 0, info.shape[1] - 1);
    const int lanes = static_cast<int>(codes.shape(0));
    const MatrixLayout layout = {rows, static_cast<int>(codes.shape(1)),
                                 static_cast<int>(info.shape[1]), static_cast<int>(info.shape[3])};
    check_range("packed rows a beat", layout.rows_per_beat, 8, kRowBlock);
    check_range("packed bytes", static_cast<long long>(view.bytes),
                static_cast<long long>(stream_bytes(layout)),
                static_cast<long long>(stream_bytes(layout)));
    const TernaryKernel& ternary = backend.kernel;
    const std::size_t copied = ternary.repacked_bytes(layout);
    AlignedBuffer<std::uint8_t> repacked(copied > 0 ? copied + kReadAhead : 0);
    AlignedBuffer<std::uint8_t> scratch(ternary.scratch_bytes(layout.inputs, lanes));
    if (copied > 0) {
        ternary.repack(layout, 0, row_tiles(layout), view.data, repacked.get());
    }
    AlignedBuffer<std::int32_t> sums(padded_rows(rows) * static_cast<std::size_t>(lanes));
    std::int32_t* results[kMaximumLanes];
    for (int lane = 0; lane < lanes; ++lane) {
        std::vector<std::int8_t> bytes;
        for (int i = 0; i < layout.inputs; ++i) {
            check_range("code", codes.at(lane, i), -kCodeLimit, kCodeLimit);
            bytes.push_back(static_cast<std::int8_t>(codes.at(lane, i)));
        }
        ternary.load_codes(bytes.data(), layout.inputs, lane, lanes, scratch.get());
        results[lane] = sums.get() + padded_rows(rows) * static_cast<std::size_t>(lane);
    }
    ternary.dot(layout, copied > 0 ? repacked.get() : view.data, matrix, 0, row_blocks(layout),
                scratch.get(), lanes, results);
    py::array_t<std::int32_t> result({lanes, rows});
    for (int lane = 0; lane < lanes; ++lane) {
        std::copy_n(results[lane], rows, result.mutable_data(lane, 0));
    }
    return result;
}

/// Test hook: the sampler on given scores.
std::int64_t choose(PySampler& sampler, const std::string& kernel, const Scores32& logits,
                    const Scores32& accumulators, int logit_fraction) {
    const Backend& backend = find_backend(kernel.c_str());
    check_range("scores", logits.size(), 1, 1 << 18);
    check_range("accumulators", accumulators.size(), logits.size(), logits.size());
    return sampler.sampler().choose(backend, logits.data(), accumulators.data(),
                                    static_cast<int>(logits.size()), logit_fraction);
}

/// Test hook: the tables and ranges this side repeats, to be compared with the Python ones.
py::dict constants() {
    py::dict result, shape, widths, ranges;
    for (const ShapeField& field : kShapeFields) {
        shape[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    for (const WidthField& field : kWidthFields) {
        widths[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    for (const FieldRange& field : {kShiftRange, kEmbeddingShiftRange, kScaleExponentRange}) {
        ranges[field.name] = py::make_tuple(field.minimum, field.maximum);
    }
    py::list words;
    for (const DecodedByte& byte : kDecodeTable) {
        py::list weights;
        for (const std::int8_t weight : byte.weights) weights.append(int{weight});
        words.append(byte.valid ? py::object(weights) : py::object(py::none()));
    }
    py::list terms;
    for (const double term : kExponentialTerms) terms.append(term);
    result["exponential_terms"] = terms;
    result["shape"] = shape;
    result["widths"] = widths;
    result["ranges"] = ranges;
    result["words"] = words;
    result["signals"] =
        py::cast(std::vector<std::string>(kSignalNames.begin(), kSignalNames.end()));
    return result;
}

py::dict build_info() {
    py::dict result;
    result["compiler"] = TRITFORGE_COMPILER;
    result["sanitized"] = TRITFORGE_SANITIZED != 0;
    return result;
}

}  // namespace

PYBIND11_MODULE(_engine, module) {
    module.doc() =
        "Integer engine: runs a model image on the CPU, bit for bit like the golden model.";
    module.attr("build_info") = build_info();
    module.def("kernels", &kernel_names, "Kernels this CPU runs, slowest first.");
    module.def("_ternary_dot", &ternary_dot, py::arg("kernel"), py::arg("packed"), py::arg("rows"),
               py::arg("matrix"), py::arg("codes"));
    module.def("_choose", &choose, py::arg("sampler"), py::arg("kernel"), py::arg("logits"),
               py::arg("accumulators"), py::arg("logit_fraction"));
    module.def("_constants", &constants);

    py::class_<PyContext>(module, "Context", "One stream: state and scores.")
        .def("step", &PyContext::step, py::arg("token"), "Run one token and its logits.")
        .def("prefill", &PyContext::prefill, py::arg("tokens"),
             "Run tokens in order; the head runs for the last one only.")
        .def("next_token", &PyContext::next_token, py::arg("tokens"), py::arg("sampler"),
             "Run tokens in order and choose the next one.")
        .def("logits", &PyContext::logits, "Logits (vocabulary,) int32, a copy.")
        .def("accumulators", &PyContext::accumulators,
             "Head accumulators (vocabulary,) int32, a copy.")
        .def("state", &PyContext::state, "Recurrent state (layers, dim) int32, a copy.")
        .def("restore", &PyContext::restore, py::arg("state"), "Replace the recurrent state.")
        .def("reset", &PyContext::reset, "Zero state and saturation counts.")
        .def("saturations", &PyContext::saturations, "Saturated elements by signal, if any.");

    py::class_<PySampler>(module, "Sampler", "Seeded choice of the next token.")
        .def(py::init<double, const py::object&, double, const py::object&, const py::object&>(),
             py::arg("temperature"), py::arg("top_k"), py::arg("top_p"), py::arg("seed"),
             py::arg("banned_token") = py::none())
        .def("choose", &PySampler::choose, py::arg("context"), "Token for a context's scores.");

    py::class_<BandwidthProbe>(module, "_BandwidthProbe")
        .def(py::init([](std::size_t bytes, int threads) {
                 check_range("threads", threads, 1, kMaximumThreads);
                 return std::make_unique<BandwidthProbe>(bytes, threads);
             }),
             py::arg("bytes"), py::arg("threads"))
        .def_property_readonly("bytes", &BandwidthProbe::bytes)
        .def("read_seconds", &BandwidthProbe::read_seconds,
             py::call_guard<py::gil_scoped_release>());

    py::class_<FileSection>(module, "FileSection", "Section of an open file.")
        .def(py::init(&make_file_section), py::arg("descriptor"), py::arg("offset"),
             py::arg("bytes"));

    py::class_<PyEngine>(module, "Engine", "A checked model image, ready to run.")
        .def(py::init<const py::object&, const py::object&, const py::object&, const py::object&,
                      const py::object&, const py::dict&, const py::object&, const std::string&,
                      const py::object&>(),
             py::arg("weights"), py::arg("parameters"), py::arg("embedding"), py::arg("shape"),
             py::arg("rows_per_beat"), py::arg("widths"), py::arg("sigmoid_table"),
             py::arg("kernel") = "auto", py::arg("threads") = 1)
        .def(
            "context", [](PyEngine& self) { return std::make_unique<PyContext>(self); },
            py::keep_alive<0, 1>(), "A new stream with zero state.")
        .def("advance_many", &PyEngine::advance_many, py::arg("contexts"), py::arg("tokens"),
             "Advance several contexts, each by its own tokens.")
        .def("step_many", &PyEngine::step_many, py::arg("contexts"), py::arg("tokens"),
             "Advance several contexts by one token each; their logits.")
        .def_property_readonly("_rescued", &PyEngine::rescued)
        .def("_time_products", &PyEngine::time_products, py::arg("lanes") = 1)
        .def_property_readonly("threads", &PyEngine::threads)
        .def_property_readonly("weight_bytes",
                               [](const PyEngine& self) { return self.engine()->weight_bytes(); })
        .def_property_readonly("kernel", [](const PyEngine& self) {
            return std::string(self.engine()->backend().name);
        });
}

}  // namespace tritforge
