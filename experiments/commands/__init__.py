"""Commands of ``kurvs``: each reads its options and calls what does the work.

Bodies import what they need themselves, so that ``kurvs --help`` appears at once.
"""
