"""Who works for a shop and for its vendors: invited, given roles, suspended, removed.

Nobody gives anybody more than they may do themselves, nor touches somebody who may do more; the last admin stays.
"""
