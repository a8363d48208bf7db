from lambent.core.tenant_isolation import tenant_mismatch


def test_a_tenant_is_missing() -> None:
    """Source: observed (AWS announcement of November 2025)."""
    assert str(tenant_mismatch(per_tenant=True)) == (
        "The invoked function is enabled with tenancy configuration. "
        "Add a valid tenant ID in your request and try again."
    )


def test_a_tenant_is_one_too_many() -> None:
    """Source: unverified."""
    assert "not enabled with tenancy configuration" in str(tenant_mismatch(per_tenant=False))
