# SPDX-License-Identifier: Apache-2.0
"""The reader of LLVM IR on small texts: every form that the translation depends on."""

from __future__ import annotations

import pytest

from codegen.openhls.errors import SourceLocation
from codegen.openhls.frontend.llvm_cursor import Cursor
from codegen.openhls.frontend.llvm_instructions import read_instruction
from codegen.openhls.frontend.llvm_ir import (
    Address,
    Aggregate,
    GlobalName,
    Integer,
    Local,
    OtherConstant,
    Text,
    TypedOperand,
    Zero,
)
from codegen.openhls.frontend.llvm_parser import parse_module
from codegen.openhls.frontend.llvm_types import (
    ArrayType,
    IntegerType,
    Layout,
    NamedType,
    OtherType,
    PointerType,
    StructType,
    Type,
)
from codegen.openhls.frontend.llvm_values import plain_name, read_type

I8, I16, I32, I64 = map(IntegerType, (8, 16, 32, 64))
POINTER = PointerType()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i17", IntegerType(17)),
        ("ptr", POINTER),
        ("ptr addrspace(1)", POINTER),
        ("[4 x i8]", ArrayType(4, I8)),
        ("[2 x [3 x ptr]]", ArrayType(2, ArrayType(3, POINTER))),
        ("{ i8, [2 x i16] }", StructType((I8, ArrayType(2, I16)))),
        ("<{ i8, i32 }>", StructType((I8, I32), packed=True)),
        ("{}", StructType(())),
        ("%struct.State", NamedType("%struct.State")),
        ('%"class.hls::stream"', NamedType('%"class.hls::stream"')),
        ("<4 x i32>", OtherType("vector of 4 32-bit elements")),
        ("<2 x float>", OtherType("vector of 2 other-bit elements")),
        ("void (ptr, ...)", OtherType("void")),
        ("double", OtherType("double")),
    ],
)
def test_types(text: str, expected: Type) -> None:
    cursor = Cursor(text + " end")
    assert read_type(cursor) == expected
    assert cursor.peek() == "end"


@pytest.mark.parametrize(
    ("type_", "size", "alignment"),
    [
        (IntegerType(1), 1, 1),
        (IntegerType(17), 4, 4),
        (IntegerType(40), 8, 8),
        (IntegerType(65), 16, 16),
        (IntegerType(129), 32, 16),
        (IntegerType(200), 32, 16),
        (ArrayType(3, I16), 6, 2),
        (StructType((I8, I32, I8)), 12, 4),
        (StructType((I8, I32, I8), packed=True), 6, 1),
        (StructType((I8, NamedType("%pair"))), 12, 4),
        (POINTER, 8, 8),
    ],
)
def test_layout_is_that_of_x86_64(type_: Type, size: int, alignment: int) -> None:
    layout = Layout({"%pair": StructType((I32, I16))})
    assert (layout.size(type_), layout.alignment(type_)) == (size, alignment)


def test_scalars_of_a_nested_type() -> None:
    layout = Layout({"%pair": StructType((I8, I16))})
    type_ = StructType((I8, ArrayType(2, NamedType("%pair"))))
    assert list(layout.scalars(type_)) == [(0, I8), (2, I8), (4, I16), (6, I8), (8, I16)]


def test_operations() -> None:
    add = read_instruction("  %sum = add nuw nsw i9 %a, -3, !dbg !12")
    assert (add.operation, add.result, add.type, add.debug) == ("add", "sum", IntegerType(9), 12)
    assert [item.value for item in add.operands] == [Local("a"), Integer(-3)]
    assert add.flags == {"nuw", "nsw"}
    compare = read_instruction("%c = icmp samesign ult i8 %x, poison")
    assert (compare.predicate, compare.type) == ("ult", IntegerType(1))
    assert compare.operands[1].value == Zero("poison")
    cast = read_instruction("%w = zext nneg i8 %x to i32")
    assert (cast.type, cast.operands) == (I32, (TypedOperand(I8, Local("x")),))
    choose = read_instruction("%m = select i1 %c, ptr @table, ptr null, !prof !3")
    assert [item.value for item in choose.operands] == [
        Local("c"),
        GlobalName("table"),
        Zero("null"),
    ]


def test_memory_operations() -> None:
    load = read_instruction("%v = load volatile i32, ptr %p, align 4, !tbaa !5")
    assert load.type == I32 and load.operands[0].value == Local("p") and "volatile" in load.flags
    store = read_instruction("store i8 7, ptr getelementptr inbounds (i8, ptr @t, i64 3), align 1")
    assert store.operands[0] == TypedOperand(I8, Integer(7))
    expected = Address(I8, GlobalName("t"), (TypedOperand(I64, Integer(3)),))
    assert store.operands[1].value == expected
    place = read_instruction("%p = getelementptr inbounds nuw [4 x i16], ptr %q, i64 0, i64 %i")
    assert place.source_type == ArrayType(4, I16)
    assert [item.value for item in place.operands] == [Local("q"), Integer(0), Local("i")]
    assert read_instruction("%a = alloca [2 x i8], align 1").operands == ()
    assert read_instruction("%a = alloca i8, i64 %n, align 1").operands[0].value == Local("n")


def test_control_flow() -> None:
    one = read_instruction("br label %end, !dbg !1, !llvm.loop !9")
    assert (one.labels, one.operands, one.loop) == (("end",), (), 9)
    two = read_instruction("br i1 %c, label %then, label %else, !prof !2")
    assert two.labels == ("then", "else") and two.operands[0].value == Local("c")
    switch = read_instruction("switch i8 %s, label %no [ i8 1, label %a i8 -2, label %b ]")
    assert switch.labels == ("no", "a", "b")
    assert [item.value for item in switch.operands] == [Local("s"), Integer(1), Integer(-2)]
    phi = read_instruction('%x = phi i4 [ 3, %entry ], [ %y, %"a b" ]')
    assert phi.labels == ("entry", "a b")
    assert [item.value for item in phi.operands] == [Integer(3), Local("y")]


def test_calls_and_struct_values() -> None:
    line = "%r = tail call noundef i9 @_Z1fv(ptr noundef nonnull align 8 %in, i8 signext 4) #3"
    call = read_instruction(line)
    assert [item.value for item in call.operands] == [
        GlobalName("_Z1fv"),
        Local("in"),
        Integer(4),
    ]
    assert call.type == IntegerType(9) and "nonnull" in call.operands[1].attributes
    result = read_instruction("call void @f(ptr dead_on_unwind writable sret(i200) align 8 %r)")
    assert "sret" in result.operands[1].attributes
    assembler = read_instruction('call void asm sideeffect "nop", ""()')
    assert assembler.operands[0].value == OtherConstant("asm")
    part = read_instruction("%p = extractvalue { i64, i64 } %both, 1")
    assert part.indices == (1,) and part.operands[0].value == Local("both")


def test_a_module() -> None:
    module = parse_module(
        """; a comment
%struct.Pair = type { i8, %struct.Inner }
%struct.Inner = type { i16 }
@table = internal unnamed_addr constant [3 x i8] c"a\\00\\FF", align 1
@state = internal global %struct.Pair { i8 3, %struct.Inner { i16 -1 } }, align 2, !dbg !0
@zero = internal global [2 x i16] zeroinitializer, align 2
@other = external global i32, align 4
@"quoted name" = internal global i1 true

define dso_local void @top(ptr noundef nonnull %in, i8 signext %x) local_unnamed_addr #0 !dbg !7 {
entry:
  switch i8 %x, label %end [
    i8 1, label %one
    i8 2, label %end
  ], !dbg !8
one:                                              ; preds = %entry
    #dbg_value(i8 %x, !3, !DIExpression(), !8)
  br label %end
end:
  ret void
}
declare void @without_body()
!7 = distinct !DISubprogram(name: "top", file: !9, line: 4)
!8 = !DILocation(line: 6, scope: !7, inlinedAt: !10)
!9 = !DIFile(filename: "k.cpp", directory: "/")
!10 = distinct !DILocation(line: 9, scope: !7)
"""
    )
    assert module.globals["table"].constant
    assert module.globals["table"].initial == Text(b"a\x00\xff")
    initial = module.globals["state"].initial
    assert isinstance(initial, Aggregate) and initial.elements[0].value == Integer(3)
    assert module.globals["zero"].initial == Zero("zeroinitializer")
    assert module.globals["other"].initial is None
    assert module.globals["quoted name"].initial == Integer(1)
    assert module.layout.size(NamedType("%struct.Pair")) == 4
    assert list(module.functions) == ["top"]
    top = module.functions["top"]
    assert [item.name for item in top.parameters] == ["in", "x"]
    assert list(top.blocks) == ["entry", "one", "end"]
    assert top.blocks["entry"][0].labels == ("end", "one", "end")
    assert [item.operation for item in top.blocks["one"]] == ["br"]
    assert module.debug.locations(top.blocks["entry"][0].debug) == [
        SourceLocation("k.cpp", 6),
        SourceLocation("k.cpp", 9),
    ]


def test_every_byte_of_a_text_is_read_as_it_is_printed() -> None:
    """LLVM prints a backslash as two, and whatever is not printable as two digits."""
    every = bytes([*range(256), *b"\\AB\\\\41\\"])
    printed = "".join(
        "\\\\"
        if byte == 0x5C
        else chr(byte)
        if 32 <= byte < 127 and byte != 34
        else f"\\{byte:02X}"
        for byte in every
    )
    module = parse_module(f'@t = internal constant [{len(every)} x i8] c"{printed}"\n')
    assert module.globals["t"].initial == Text(every)


def test_a_first_block_without_label() -> None:
    module = parse_module("define void @f() {\n  ret void\n}\n")
    assert list(module.functions["f"].blocks) == ["entry"]


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("%x", "x"),
        ('@"a b"', "a b"),
        (r'%"gr\C3\B6\C3\9Fe"', "größe"),
        ("@_ZZ3topE1s", "_ZZ3topE1s"),
    ],
)
def test_names(token: str, name: str) -> None:
    assert plain_name(token) == name
