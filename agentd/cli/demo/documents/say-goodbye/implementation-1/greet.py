def greet(name: str) -> str:
    return f"Hello, {name or 'dear guest'}"


def goodbye(name: str) -> str:
    return f"Goodbye, {name or 'dear guest'}"
