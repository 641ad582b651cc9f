"""Words of English that say nothing of what a text is about."""

STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each few for from further had has
    have having how i if in into is it its itself just may me might more most must my no nor not
    of off on once only or other our out over own paper papers s same she he should so some such
    t than that the their them then there these they this those through to too under until up us
    use used uses using very was we were what when where whether which while who whom why will
    with would you your
    """.split()
)
