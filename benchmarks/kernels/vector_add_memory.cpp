// SPDX-License-Identifier: Apache-2.0
//
// Vectors in memory behind pointers: refused, a port is a stream or a number.
extern "C" void vector_add_memory(const int* a, const int* b, int* sum, int size) {
#pragma HLS INTERFACE m_axi port = a bundle = gmem0
#pragma HLS INTERFACE m_axi port = b bundle = gmem1
#pragma HLS INTERFACE m_axi port = sum bundle = gmem0
    for (int i = 0; i < size; ++i) {
#pragma HLS PIPELINE II = 1
        sum[i] = a[i] + b[i];
    }
}
