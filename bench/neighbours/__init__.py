"""`python -m bench.neighbours`: the same functions and the same client on other programs that are Lambda locally.

They run as `pip install` and `npm install` bring them, with their defaults, and without Docker. Lambent is measured
beside them by the same steps. `emulators` says how each is started and given functions, `measure` what is measured,
`report` how it is shown.
"""
