# SPDX-License-Identifier: Apache-2.0
"""Words that travel through the machine's ports and between its processes, each written once."""
