import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.functions.comparison
from django.db import migrations, models

OWNER = models.Func(
    django.db.models.functions.comparison.Coalesce("coach_id", "organization_id"),
    output_field=django.contrib.postgres.search.SearchVectorField(),
    template="array_to_tsvector(ARRAY['=' || (%(expressions)s)::text])",
)
WORDS = django.contrib.postgres.search.CombinedSearchVector(
    django.contrib.postgres.search.SearchVector("heading_path", config="english", weight="B"),
    "||",
    django.contrib.postgres.search.SearchVector("text", config="english", weight="A"),
    django.contrib.postgres.search.SearchConfig("english"),
)


class Migration(migrations.Migration):
    """The owner of a passage becomes a word of its search vector."""

    dependencies = [("knowledge", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="passage", name="passage_search"),
        migrations.RemoveField(model_name="passage", name="search"),
        migrations.AddField(
            model_name="passage",
            name="search",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.contrib.postgres.search.CombinedSearchVector(
                    WORDS, "||", OWNER, config=None
                ),
                help_text="With the owner as a lexeme, so that the index never reads another owner's passages.",
                output_field=django.contrib.postgres.search.SearchVectorField(),
            ),
        ),
        migrations.AddIndex(
            model_name="passage",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("live", True)),
                fastupdate=False,
                fields=["search"],
                name="passage_search",
            ),
        ),
    ]
