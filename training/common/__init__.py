# SPDX-License-Identifier: Apache-2.0
"""What every training has: checkpoints that are whole or absent, and a log that resumes."""
