# SPDX-License-Identifier: Apache-2.0
"""Driver of vision transformers: pictures, backends, classification, evaluation."""
