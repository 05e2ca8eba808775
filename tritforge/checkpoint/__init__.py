# SPDX-License-Identifier: Apache-2.0
"""Files of a checkpoint, whatever model it is of: JSON, safetensors and PyTorch, all untrusted."""
