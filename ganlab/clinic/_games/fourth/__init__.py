"""The fourth list: loops in the structure of well-known repositories, and faults in them.

well_f_*, well_g_*, well_h_* are by three writers, ill_f_*, ill_g_*, ill_h_* too; none of them had read the rules.
"""
