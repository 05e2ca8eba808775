# SPDX-License-Identifier: Apache-2.0
"""C++ outside the style: what each piece breaks and in which line.

The line that must be reported carries the marker `// HERE`.
"""

from __future__ import annotations

from dataclasses import dataclass

from codegen.openhls import rules
from codegen.openhls.rules import Rule

_HEADER = """#include "ap_int.h"
#include "hls_stream.h"
#include "common/ram.hpp"
using Byte = ap_uint<8>;
using Stream = hls::stream<Byte>;
using Memory = tritforge::Ram<Byte, 64>;
"""
_PORTS = "Stream& in, Stream& sent"


@dataclass(frozen=True)
class Violation:
    """One mistake; `says` must be part of the message."""

    name: str
    rule: Rule
    says: str
    body: str
    ports: str = _PORTS
    before: str = ""

    @property
    def source(self) -> str:
        """The whole C++ file."""
        return f'{_HEADER}{self.before}\nextern "C" void top({self.ports}) {{\n{self.body}\n}}\n'

    @property
    def line(self) -> int:
        """The marked line, counted from 1."""
        lines = self.source.splitlines()
        return next(index for index, line in enumerate(lines, 1) if "// HERE" in line)


VIOLATIONS = (
    Violation(
        "variable_trip_count",
        rules.ROLLED_LOOP,
        "did not unroll",
        """const ap_uint<16> n = in.read() * 200;
    Byte sum = 0;
    for (ap_uint<16> i = 0; i < n; ++i) {  // HERE
        sum = sum + (sum ^ i);
    }
    sent.write(sum);""",
    ),
    *(
        Violation(
            f"stream_{name}",
            rules.BLOCKING_ACCESS,
            f"a stream is asked by {name}()",
            f"""Byte word = 1;
    if ({use}) word = 2;  // HERE
    sent.write(ap_uint<8>(in.read() + word));""",
        )
        for name, use in (
            ("empty", "!in.empty()"),
            ("full", "sent.full()"),
            ("size", "in.size() > 2"),
            ("read_nb", "in.read_nb(word)"),
            ("write_nb", "sent.write_nb(word)"),
        )
    ),
    *(
        Violation(
            f"stream_of_{name}",
            rules.STREAM_WORD,
            "a stream carries words of another type",
            """const Pair pair = in.read();  // HERE
    sent.write(pair.a);""",
            ports="hls::stream<Pair>& in, Stream& sent",
            before=f"struct Pair {{ {fields} }};",
        )
        for name, fields in (
            ("a_struct_with_a_constructor", "Byte a, b; Pair() {}"),
            ("a_struct_with_a_pointer", "Byte a; const Byte* b;"),
            ("a_struct_with_a_float", "Byte a; float b;"),
        )
    ),
    Violation(
        "loop_until_found",
        rules.ROLLED_LOOP,
        "did not unroll",
        """Byte n = in.read();
    while (n[7] == 0 && n != 0) {  // HERE
        n = n * 3;
    }
    sent.write(n);""",
    ),
    Violation(
        "division",
        rules.DIVISION,
        "`/` by a value that varies",
        """const ap_uint<16> both = in.read();
    static Byte last = 1;
    last = both / (last | 1);  // HERE
    sent.write(last);""",
    ),
    Violation(
        "remainder",
        rules.DIVISION,
        "`%` by a value that varies",
        """const ap_uint<16> both = in.read();
    static Byte last = 1;
    last = both % (last | 1);  // HERE
    sent.write(last);""",
    ),
    Violation(
        "signed_division_in_a_function",
        rules.DIVISION,
        "`/` by a value that varies",
        "sent.write(ratio(in.read(), 5 + kept));\n    kept = kept + 1;",
        before="""static ap_int<7> kept;
static Byte ratio(ap_int<9> a, ap_int<9> b) {
    return a / b;  // HERE
}""",
    ),
    Violation(
        "float_arithmetic",
        rules.FLOATING_POINT,
        "",
        """const float half = in.read().to_int() * 0.5f;  // HERE
    sent.write(int(half));""",
    ),
    Violation(
        "square_root",
        rules.FLOATING_POINT,
        "",
        """const double root = __builtin_sqrt(in.read().to_int());  // HERE
    sent.write(int(root));""",
    ),
    Violation(
        "second_read",
        rules.ONE_READ,
        "stream in is read a second time",
        """const Byte first = in.read();
    const Byte second = in.read();  // HERE
    sent.write(first ^ second);""",
    ),
    Violation(
        "second_read_in_a_branch",
        rules.ONE_READ,
        "stream in is read a second time",
        """Byte word = in.read();
    if (word == 7) {
        word = in.read();  // HERE
    }
    sent.write(word);""",
    ),
    Violation(
        "read_in_a_loop",
        rules.ONE_READ,
        "stream in is read a second time",
        """Byte sum = 0;
    for (int i = 0; i < 4; ++i) {
        sum += in.read();  // HERE
    }
    sent.write(sum);""",
    ),
    Violation(
        "second_write",
        rules.ONE_WRITE,
        "stream sent is written a second time",
        """const Byte word = in.read();
    sent.write(word);
    sent.write(~word);  // HERE""",
    ),
    Violation(
        "reading_the_output",
        rules.ONE_DIRECTION,
        "stream sent is read and written",
        """const Byte word = in.read();
    sent.write(word);
    static Byte kept;
    if (kept[0]) kept = sent.read();  // HERE
    kept = kept + 1;""",
    ),
    Violation(
        "static_stream",
        rules.STREAM_PARAMETER,
        "stream between is no stream from outside",
        """static Stream between;
    between.write(in.read());  // HERE
    sent.write(between.read());""",
    ),
    Violation(
        "local_stream_read_first",
        rules.STREAM_PARAMETER,
        "is read before a word is written to it",
        """Stream between;
    const Byte word = between.read();  // HERE
    between.write(in.read());
    sent.write(word);""",
    ),
    Violation(
        "local_stream_read_at_another_time",
        rules.STREAM_PARAMETER,
        "under another condition",
        """Stream between;
    const Byte word = in.read();
    if (word[0]) between.write(word);
    if (word[1]) sent.write(between.read());  // HERE""",
    ),
    Violation(
        "unused_stream",
        rules.UNUSED_STREAM,
        "stream spare is neither read nor written",
        "sent.write(in.read());",
        ports="Stream& in, Stream& spare, // HERE\n Stream& sent",
    ),
    Violation(
        "second_ram_read",
        rules.ONE_RAM_READ,
        "RAM memory is read a second time",
        """static Memory memory;
    const Byte word = in.read();
    memory.write(word.range(5, 0), word);
    const Byte a = memory.read(word.range(6, 1));
    const Byte b = memory.read(word.range(7, 2));  // HERE
    sent.write(a ^ b);""",
    ),
    Violation(
        "second_ram_write",
        rules.ONE_RAM_WRITE,
        "RAM memory is written a second time",
        """static Memory memory;
    const Byte word = in.read();
    sent.write(memory.read(word.range(6, 1)));
    memory.write(word.range(5, 0), word);
    memory.write(word.range(7, 2), ~word);  // HERE""",
    ),
    Violation(
        "local_ram",
        rules.STATIC_RAM,
        "is no RAM from outside the step",
        """Memory memory;
    const Byte word = in.read();
    memory.write(word.range(5, 0), word);  // HERE
    sent.write(memory.read(word.range(5, 0)));""",
    ),
    Violation(
        "ram_never_written",
        rules.RAM_BOTH_WAYS,
        "RAM memory is never written",
        """static Memory memory;
    sent.write(memory.read(in.read().range(5, 0)));  // HERE""",
    ),
    Violation(
        "ram_never_read",
        rules.RAM_BOTH_WAYS,
        "RAM memory is never read",
        """static Memory memory;
    const Byte word = in.read();
    memory.write(word.range(5, 0), word);  // HERE
    sent.write(word);""",
    ),
    Violation(
        "order_of_reads_varies",
        rules.READ_ORDER,
        "depends on what it returns",
        """static Byte first, second;
    if (second[3]) {
        first = in.read();  // HERE
        if (first == 7) second = more.read();
    } else {
        second = more.read();
        if (second == 9) first = in.read();
    }
    sent.write(first ^ second);""",
        ports="Stream& in, Stream& more, Stream& sent",
    ),
    Violation(
        "missing_function",
        rules.UNKNOWN_CALL,
        "elsewhere() has no body",
        "sent.write(elsewhere(in.read().to_int()));  // HERE",
        before="int elsewhere(int);",
    ),
    Violation(
        "printing",
        rules.PRINTING,
        "printed",
        """const Byte word = in.read();
    if (word == 9) printf("nine %d\\n", word.to_int());  // HERE
    sent.write(word);""",
        before="#include <cstdio>",
    ),
    Violation(
        "assertion",
        rules.ASSERTION,
        "end the program",
        """const Byte word = in.read();
    if (word == 9) abort();  // HERE
    sent.write(word);""",
        before="#include <cstdlib>",
    ),
    Violation(
        "heap",
        rules.HEAP,
        "memory is allocated",
        """const int n = in.read().to_int();
    int* words = new int[n];  // HERE
    words[0] = n;
    keep = words;
    sent.write(Byte(words[0]));""",
        before="int* keep;",
    ),
    Violation(
        "free",
        rules.HEAP,
        "memory is freed",
        """const Byte word = in.read();
    free(kept);  // HERE
    sent.write(word);""",
        before="#include <cstdlib>\nint* kept;",
    ),
    Violation(
        "recursion",
        rules.RECURSION,
        "calls itself",
        "sent.write(walk(in.read().to_int(), 3));",
        before="""static int walk(int n, int k) {
    if (n < 2) return k;
    return walk(n - 1, k * 3) ^ walk(n - 2, k + n);  // HERE
}""",
    ),
    Violation(
        "virtual_function",
        rules.INDIRECT_CALL,
        "",
        "sent.write(unit->apply(in.read().to_int()));  // HERE",
        before="struct Unit { virtual int apply(int); };\nUnit* unit;",
    ),
    Violation(
        "function_pointer",
        rules.INDIRECT_CALL,
        "",
        """int (*chosen)(int) = in.read()[0] ? &one : &two;  // HERE
    sent.write(chosen(3));""",
        before="int one(int);\nint two(int);",
    ),
    Violation(
        "static_with_a_destructor",
        rules.RUN_TIME_INITIALISER,
        "a static object has a destructor",
        """static Counted counted;  // HERE
    sent.write(in.read() + counted.value);""",
        before="int gone;\nstruct Counted { int value = 3; ~Counted() { gone = value; } };",
    ),
    Violation(
        "global_from_a_call",
        rules.RUN_TIME_INITIALISER,
        "gets its first value at run time",
        "sent.write(in.read() ^ Byte(offset));",
        before="int measured();\nint offset = measured();  // HERE",
    ),
    Violation(
        "inline_assembler",
        rules.INLINE_ASSEMBLER,
        "inline assembler",
        """int word = in.read().to_int();
    asm("notl %0" : "+r"(word));  // HERE
    sent.write(word);""",
    ),
    Violation(
        "pointer_in_memory",
        rules.STORED_POINTER,
        "",
        """static int table[4] = {1, 2, 3, 4};
    static int* place = table;  // the object
    const Byte word = in.read();
    if (word == 3) place = &table[2];  // HERE
    sent.write(Byte(*place));""",
    ),
    Violation(
        "address_as_a_number",
        rules.STORED_POINTER,
        "",
        """static int table[4];
    table[in.read().range(1, 0).to_int()] += 1;
    sent.write(Byte((unsigned long long)&table[table[0] & 3] >> 4));  // HERE""",
    ),
    Violation(
        "array_of_variable_length",
        rules.VARIABLE_LENGTH,
        "",
        """const int n = in.read().to_int() + 1;
    int words[n];  // HERE
    use(words);
    sent.write(words[0]);""",
        before="void use(int*);",
    ),
    Violation(
        "volatile",
        rules.VOLATILE,
        "volatile",
        """seen = in.read().to_int();  // HERE
    sent.write(3);""",
        before="volatile int seen;",
    ),
    Violation(
        "atomic",
        rules.ATOMIC,
        "atomic",
        "sent.write(__atomic_fetch_add(&count, in.read().to_int(), __ATOMIC_SEQ_CST));  // HERE",
        before="int count;",
    ),
    Violation(
        "compiler_vector",
        rules.VECTOR,
        "vector",
        """const int n = in.read().to_int();
    const Four both = Four{n, n + 1, n + 2, n + 3} * kept;  // HERE
    kept = both;
    sent.write(both[2]);""",
        before="typedef int Four __attribute__((vector_size(16)));\nFour kept = {1, 2, 3, 4};",
    ),
    Violation(
        "parameter_by_value",
        rules.PORT_TYPE,
        "parameter gain",
        "sent.write(in.read() * gain);",
        ports="Stream& in, Stream& sent, // HERE\n int gain",
    ),
    Violation(
        "struct_parameter",
        rules.PORT_TYPE,
        "parameter pair",
        "sent.write(in.read() * pair.a);",
        ports="Stream& in, Stream& sent, // HERE\n const Pair& pair",
        before="struct Pair { Byte a, b; };",
    ),
    Violation(
        "port_called_clk",
        rules.PORT_NAME,
        "parameter clk",
        "sent.write(in.read() * clk);",
        ports="Stream& in, Stream& sent, // HERE\n const Byte& clk",
    ),
    Violation(
        "output_not_always_written",
        rules.WRITTEN_OUTPUT,
        "output flag is not written in every step",
        """const Byte word = in.read();
    if (word == 3) flag = true;
    sent.write(word);""",
        ports="Stream& in, Stream& sent, // HERE\n bool& flag",
    ),
    Violation(
        "returned_value",
        rules.TOP_FUNCTION,
        "no function absent",
        "sent.write(in.read());",
    ),
    Violation(
        "large_static_array",
        rules.LARGE_STATE,
        "static history has",
        """static int history[4096];
    const Byte word = in.read();
    history[word.to_int() * 16] += word.to_int();  // HERE
    sent.write(history[7]);""",
    ),
    Violation(
        "large_local_index",
        rules.LARGE_INDEX,
        "an index chooses among",
        """signed char words[4096];
    const Byte word = in.read();
    for (int i = 0; i < 4096; ++i) words[i] = i * word.to_int();
    sent.write(words[(kept = kept * 5 + 1) & 4095]);  // HERE""",
        before="static unsigned kept;",
    ),
    Violation(
        "table_of_pointers",
        rules.CONSTANT_TABLE,
        "pointer",
        """sent.write(names[in.read().range(1, 0).to_int()][0]);  // HERE""",
        before='static const char* const names[] = {"ab", "cd", "ef", "gh"};',
    ),
    Violation(
        "variable_of_another_file",
        rules.OTHER_MEMORY,
        "elsewhere has no value",
        "sent.write(in.read() ^ Byte(elsewhere));  // HERE",
        before="extern int elsewhere;",
    ),
)
