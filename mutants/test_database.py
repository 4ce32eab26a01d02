import pytest

from campaigns.models import Brand


@pytest.mark.django_db
def test_the_database_is_made_before_any_mutant_is_judged() -> None:
    assert not Brand.objects.exists()
