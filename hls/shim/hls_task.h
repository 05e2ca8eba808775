// SPDX-License-Identifier: Apache-2.0
//
// hls::task: a process that fires again and again, connected to others by streams (UG1399, "Tasks
// and Channels").
//
// C-simulation: a task is a fiber with a stack of its own. It runs until it reads an empty stream
// or writes a full one, in the middle of a step if need be; then the next one runs, round and
// round. A test bench that reads an empty stream lets the tasks run until there is a word. If no
// task can go on, hls::deadlock is thrown there; it says which task waits for which stream. One
// thread only. Tasks live until the program ends, as in hardware.
//
// Not of the vendor's: hls::run_tasks, hls::reset_tasks, hls::deadlock.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ap_fifo_wait.h"

#if defined(__SANITIZE_ADDRESS__)
#define AP_SHIM_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AP_SHIM_ADDRESS_SANITIZER
#endif
#endif

#ifdef __x86_64__
#define AP_SHIM_FAST_SWITCH
#else
#include <ucontext.h>
#endif
#ifdef AP_SHIM_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

/// Objects that stay from one call of the top function to the next.
#define hls_thread_local static

namespace ap_shim {

/// A stack with a page behind it that must not be touched.
class fiber_stack {
  public:
    fiber_stack() {
        void* start = mmap(nullptr, kBytes + page(), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED) throw std::bad_alloc();
        start_ = static_cast<char*>(start);
        mprotect(start_, page(), PROT_NONE);
    }
    fiber_stack(const fiber_stack&) = delete;
    fiber_stack& operator=(const fiber_stack&) = delete;
    ~fiber_stack() { munmap(start_, kBytes + page()); }

    char* begin() const { return start_ + page(); }
    char* end() const { return begin() + kBytes; }
    static constexpr std::size_t kBytes = 256 * 1024;

  private:
    static std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
    char* start_;
};

#ifdef AP_SHIM_FAST_SWITCH

/// Where a stopped fiber goes on.
struct fiber_context {
    void* stack_pointer = nullptr;
};

/// Stores the registers that a callee must keep, and goes on where `to` stopped. swapcontext()
/// makes two system calls a switch, which take longer than the step of a process.
__attribute__((naked, noinline)) inline void switch_stack(void**, void*) {
    __asm__ volatile(
        "pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
        "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
        "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tret");
}

inline void prepare(fiber_context& context, const fiber_stack& stack, void (*entry)()) {
    void** top = reinterpret_cast<void**>(stack.end());
    *--top = nullptr;  // in the place of a return address, which aligns the stack as a call does
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    context.stack_pointer = top;
}

inline void switch_context(fiber_context& from, const fiber_context& to) {
    switch_stack(&from.stack_pointer, to.stack_pointer);
}

#else

struct fiber_context {
    ucontext_t context;
};

inline void prepare(fiber_context& context, const fiber_stack& stack, void (*entry)()) {
    getcontext(&context.context);
    context.context.uc_stack.ss_sp = stack.begin();
    context.context.uc_stack.ss_size = fiber_stack::kBytes;
    context.context.uc_link = nullptr;
    makecontext(&context.context, entry, 0);
}

inline void switch_context(fiber_context& from, const fiber_context& to) {
    swapcontext(&from.context, &to.context);
}

#endif

/// Tells the address sanitizer which stack is in use.
struct stack_notice {
#ifdef AP_SHIM_ADDRESS_SANITIZER
    void* fake = nullptr;
    const void* bottom = nullptr;
    std::size_t size = 0;
    void leave(const void* to, std::size_t bytes) {
        __sanitizer_start_switch_fiber(&fake, to, bytes);
    }
    void arrive() { __sanitizer_finish_switch_fiber(fake, nullptr, nullptr); }
    void arrive_from(stack_notice& other) {
        __sanitizer_finish_switch_fiber(fake, &other.bottom, &other.size);
    }
#else
    const void* bottom = nullptr;
    std::size_t size = 0;
    void leave(const void*, std::size_t) {}
    void arrive() {}
    void arrive_from(stack_notice&) {}
#endif
};

/// A process between two of its waits.
struct fiber {
    explicit fiber(std::function<void()> step) : step(std::move(step)) {}

    std::function<void()> step;
    fiber_stack stack;
    fiber_context context;
    stack_notice notice;
    const fifo* waits_for = nullptr;
    bool for_room = false;

    bool can_run() const { return waits_for == nullptr || waits_for->ready(for_room); }
};

/// All tasks of the program.
class task_scheduler {
  public:
    static task_scheduler& instance() {
        static task_scheduler scheduler;
        return scheduler;
    }

    void add(std::function<void()> step) {
        fibers_.push_back(std::make_unique<fiber>(std::move(step)));
        restart(*fibers_.back());
        fifo_wait = [](const fifo& stream, bool for_room) {
            return instance().wait(stream, for_room);
        };
    }

    /// Lets every task that can go on run until it waits; whether there was one.
    bool round() {
        bool ran = false;
        for (const std::unique_ptr<fiber>& next : fibers_) {
            if (!next->can_run()) continue;
            run(*next);
            ran = true;
        }
        return ran;
    }

    void reset() {
        for (const std::unique_ptr<fiber>& item : fibers_) restart(*item);
        for (fifo* stream = first_fifo; stream != nullptr; stream = stream->next()) stream->clear();
    }

    /// One line per task.
    std::string report() const {
        std::string text;
        for (std::size_t i = 0; i < fibers_.size(); ++i) {
            const fiber& item = *fibers_[i];
            text += "\ntask " + std::to_string(i) + " waits ";
            text += item.for_room ? "to write" : "to read";
            text +=
                " '" + (item.waits_for ? item.waits_for->name() : std::string()) + "', which is ";
            text += item.for_room ? "full" : "empty";
        }
        return text;
    }

    bool wait(const fifo& stream, bool for_room);

  private:
    void restart(fiber& item) {
        prepare(item.context, item.stack, &task_scheduler::entry);
        item.waits_for = nullptr;
        item.notice = stack_notice();
    }

    void run(fiber& next) {
        current_ = &next;
        in_task = true;
        main_notice_.leave(next.stack.begin(), fiber_stack::kBytes);
        switch_context(main_, next.context);
        main_notice_.arrive();
        in_task = false;
        current_ = nullptr;
    }

    static void entry() {
        task_scheduler& scheduler = instance();
        fiber& self = *scheduler.current_;
        self.notice.arrive_from(scheduler.main_notice_);
        while (true) self.step();
    }

    std::vector<std::unique_ptr<fiber>> fibers_;
    fiber* current_ = nullptr;
    fiber_context main_;
    stack_notice main_notice_;
};

}  // namespace ap_shim

namespace hls {

/// No task can go on, and the test bench waits as well.
struct deadlock : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A process: calls function(arguments...) again and again.
class task {
  public:
    task() = default;
    template <class Function, class... Arguments>
    explicit task(Function&& function, Arguments&&... arguments) {
        start(function, arguments...);
    }
    task(const task&) = delete;
    task& operator=(const task&) = delete;

    template <class Function, class... Arguments>
    void operator()(Function&& function, Arguments&&... arguments) {
        start(function, arguments...);
    }

  private:
    template <class Function, class... Arguments>
    static void start(Function& function, Arguments&... arguments) {
        ap_shim::task_scheduler::instance().add(
            [call = &function, &arguments...] { call(arguments...); });
    }
};

/// Lets the tasks run until all of them wait.
inline void run_tasks() {
    while (ap_shim::task_scheduler::instance().round()) {
    }
}

/// Starts all tasks anew and empties the streams between them; what they keep in static variables
/// stays.
inline void reset_tasks() { ap_shim::task_scheduler::instance().reset(); }

}  // namespace hls

inline bool ap_shim::task_scheduler::wait(const fifo& stream, bool for_room) {
    if (current_ != nullptr) {
        fiber& self = *current_;
        self.waits_for = &stream;
        self.for_room = for_room;
        self.notice.leave(main_notice_.bottom, main_notice_.size);
        switch_context(self.context, main_);
        self.notice.arrive_from(main_notice_);
        self.waits_for = nullptr;
        return true;
    }
    if (fibers_.empty()) return false;
    while (!stream.ready(for_room)) {
        if (round()) continue;
        throw hls::deadlock("no task can go on, and the test bench waits for '" + stream.name() +
                            "':" + report());
    }
    return true;
}
