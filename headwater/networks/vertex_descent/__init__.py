"""Learned vertex descent (Corona et al., ECCV 2022): its settings, fields, training and weights.

Shared by the systems whose vertices follow displacement fields to their places on a head. A system
adds its network, its losses and its answers.
"""
