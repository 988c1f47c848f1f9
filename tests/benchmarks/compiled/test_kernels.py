from benchmarks.compiled.kernels import read_kernels

PROGRAM = """HloModule jit__fun, entry_computation_layout={...}

%fused_add (param_0: f32[4]) -> f32[4] {
  %param_0 = f32[4]{0} parameter(0)
  ROOT %add = f32[4]{0} add(%param_0, %param_0)
}

ENTRY %main.5 (images: u8[2,8,8,3], kernel: f32[5,5,1,32]) -> (f32[32], f32[]) {
  %images = u8[2,8,8,3]{3,2,1,0} parameter(0), metadata={op_name="images"}
  %kernel = f32[5,5,1,32]{3,2,1,0} parameter(1)
  %conv = (bf16[2,8,8,32]{3,2,1,0}, u8[0]{0}) custom-call(%images, %kernel), custom_call_target="__cudnn$convForward", \
metadata={op_name="jit(_fun)/jvp(ReferenceGenerator)/enc1/conv/cond/branch_0_fun/conv_general_dilated" stack_frame_id=1}
  %made = bf16[2,8,8,32]{3,2,1,0} get-tuple-element(%conv), index=0
  %sums = f32[32]{0} fusion(%made), kind=kInput, calls=%fused_add, \
metadata={op_name="jit(_fun)/transpose(jvp(ReferenceDiscriminator))/conv2_1/norm/reduce_sum"}
  %start = f32[32]{0} all-reduce-start(%sums), replica_groups={{0,1}}
  %done = f32[32]{0} all-reduce-done(%start)
  %copy.1 = f32[32]{0} copy(%done)
  ROOT %tuple = (f32[32]{0}, f32[]) tuple(%copy.1, %copy.1)
}
"""


def test_each_kernel_moves_its_operands_and_results():
    kernels = read_kernels(PROGRAM)
    assert [kernel.operation for kernel in kernels] == ["custom-call", "fusion", "all-reduce-start", "copy"]
    images, weights, made, sums = 2 * 8 * 8 * 3, 4 * 5 * 5 * 32, 2 * 2 * 8 * 8 * 32, 4 * 32
    assert [kernel.bytes for kernel in kernels] == [images + weights + made, made + sums, 2 * sums, 2 * sums]


def test_a_kernel_knows_its_layer_and_pass():
    conv, norm, *others = read_kernels(PROGRAM)
    assert (conv.layer, conv.backward) == ("G/enc1/conv", False)
    assert (norm.layer, norm.backward) == ("D/conv2_1/norm", True)
    assert {kernel.layer for kernel in others} == {""}


def test_a_copy_of_a_tpu_counts_what_it_moves():
    program = """
ENTRY %main {
  %x = bf16[6,1024]{1,0} parameter(0)
  %c = (bf16[6,1024]{1,0:T(8,128)(2,1)S(1)}, bf16[6,1024]{1,0:T(8,128)(2,1)}, u32[]{:S(2)}) copy-start(%x)
  %d = bf16[6,1024]{1,0:T(8,128)(2,1)S(1)} copy-done(%c)
  %s = ((bf16[6,1024]{1,0:T(8,128)(2,1)}), bf16[2,1024]{1,0:T(8,128)(2,1)S(1)}, s32[]{:T(128)}) slice-start(%x)
"""
    assert [kernel.bytes for kernel in read_kernels(program)] == [2 * 2 * 6 * 1024, 2 * 2 * 2 * 1024]
