"""Elasticsearch 9: one alias, strict mapping, external versions. Uses nothing that a plain distribution lacks; no plugin.

Words are cut by us and compared as they are (``whitespace``), so the engine finds what the embedded one finds. A tombstone is a
document marked ``gone`` under its version: Elasticsearch forgets the version of a real delete after a minute.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from elastic_transport import TransportError
from elasticsearch import ApiError, BadRequestError, Elasticsearch, NotFoundError

from marketplace.core.settings import Settings
from search.documents.domain import (
    FACET_SIZE,
    FACETS,
    PRICE_STEPS,
    SORT_FIELDS,
    TERM_FIELDS,
    Change,
    Filters,
    Hit,
    Hits,
    Question,
    Sort,
    document_words,
)
from search.engines.port import Rebuild, SearchUnavailable, bounds, dump, epoch_us, load

_KEYWORD = {"type": "keyword"}
MAPPINGS: Mapping[str, Any] = {
    "dynamic": "strict",
    "properties": {
        "listing_id": _KEYWORD,
        "gone": {"type": "boolean"},
        "head": {"type": "text", "analyzer": "words"},
        "body": {"type": "text", "analyzer": "words"},
        **dict.fromkeys(TERM_FIELDS, _KEYWORD),
        "model_year": {"type": "integer"},
        "ask_minor": {"type": "long"},
        "mileage_km": {"type": "integer"},
        "registered_on": {"type": "date", "format": "strict_date"},
        "published_us": {"type": "long"},
        "document": {"type": "keyword", "index": False, "doc_values": False},
    },
}
INDEX_SETTINGS: Mapping[str, Any] = {
    "refresh_interval": "500ms",
    "analysis": {"analyzer": {"words": {"type": "custom", "tokenizer": "whitespace"}}},
}
_FACET_FIELDS = {name: name for name in TERM_FIELDS} | {"year": "model_year"}
_CHUNK = 500


class ElasticsearchEngine:
    """``name`` is the alias; indexes are ``<alias>-000001`` and so on."""

    def __init__(self, settings: Settings, *, alias: str | None = None) -> None:
        self.name = alias or settings.elasticsearch_index
        key = settings.elasticsearch_api_key.get_secret_value()
        options: dict[str, Any] = {"ca_certs": settings.elasticsearch_ca_path} if settings.elasticsearch_ca_path else {}
        self._client = Elasticsearch(
            settings.elasticsearch_url,
            api_key=key or None,
            request_timeout=settings.http_read_timeout_s,
            max_retries=settings.http_retries,
            retry_on_timeout=False,
            **options,
        )
        self._ready = False

    def prepare(self) -> None:
        with _answering():
            if not self._client.indices.exists_alias(name=self.name):
                self._create(f"{self.name}-000001", alias=True)
        self._ready = True

    def _create(self, index: str, *, alias: bool) -> None:
        try:
            self._client.indices.create(
                index=index,
                mappings=MAPPINGS,
                settings=INDEX_SETTINGS,
                aliases={self.name: {"is_write_index": True}} if alias else {},
            )
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":  # another process was first
                raise

    def check(self) -> None:
        with _answering():
            self._client.indices.get_alias(name=self.name)

    def refresh(self) -> None:
        self._client.indices.refresh(index=self.name)

    def close(self) -> None:
        self._client.close()

    def drop(self) -> None:
        """Delete the alias' indexes: for tests and for leaving an engine."""
        for index in self._indexes():
            self._client.indices.delete(index=index, ignore_unavailable=True)

    # --- writing

    def index(self, changes: Sequence[Change]) -> int:
        with self._prepared():
            return self._bulk(self.name, changes)

    def _bulk(self, index: str, changes: Sequence[Change]) -> int:
        done = 0
        for start in range(0, len(changes), _CHUNK):
            operations = [line for change in changes[start : start + _CHUNK] for line in _operation(change)]
            answer = self._client.bulk(index=index, operations=operations)
            for entry in answer["items"]:
                status = entry["index"]["status"]
                if status not in {200, 201, 409}:  # 409: a newer version is there
                    raise SearchUnavailable(retry_after_s=5)
                done += status != 409
        return done

    def begin_rebuild(self) -> Rebuild:
        with self._prepared():
            numbers = [int(found.group(1)) for index in self._indexes() if (found := re.search(r"-(\d{6})$", index))]
            index = f"{self.name}-{max(numbers, default=0) + 1:06d}"
            self._create(index, alias=False)
        return _Index(self, index)

    def _indexes(self) -> list[str]:
        return sorted(self._client.indices.get(index=f"{self.name}-*", features="aliases"))

    def switch(self, index: str) -> None:
        """Point the alias at ``index`` in one step; the former index stays for going back, older ones go."""
        former = sorted(self._client.indices.get_alias(name=self.name))
        self._client.indices.refresh(index=index)
        actions: list[dict[str, Any]] = [{"remove": {"index": one, "alias": self.name}} for one in former]
        self._client.indices.update_aliases(actions=[*actions, {"add": {"index": index, "alias": self.name, "is_write_index": True}}])
        for old in self._indexes():
            if old not in {index, *former}:
                self._client.indices.delete(index=old, ignore_unavailable=True)

    # --- reading

    def search(self, question: Question) -> Hits:
        with self._prepared():
            found = self._client.search(index=self.name, **_request(question))
        total = found["hits"]["total"]["value"]
        hits = [Hit(load(hit["_source"]["document"]), _key(hit["sort"][0])) for hit in found["hits"]["hits"]]
        return Hits(hits, total, _facets(found["aggregations"]) if question.facets else {})

    @contextmanager
    def _prepared(self) -> Iterator[None]:
        if not self._ready:
            self.prepare()
        with _answering(forget=self._forget):
            yield

    def _forget(self) -> None:
        self._ready = False


@contextmanager
def _answering(forget: Callable[[], None] | None = None) -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        if forget is not None:
            forget()
        raise SearchUnavailable(retry_after_s=1) from error
    except BadRequestError:
        raise  # a mistake of ours
    except (TransportError, ApiError) as error:
        raise SearchUnavailable(retry_after_s=2) from error


class _Index:
    def __init__(self, engine: ElasticsearchEngine, index: str) -> None:
        self.name = index
        self._engine = engine

    def index(self, changes: Sequence[Change]) -> None:
        with _answering():
            self._engine._bulk(self.name, changes)

    def finish(self) -> None:
        with _answering():
            self._engine.switch(self.name)

    def abandon(self) -> None:
        with _answering():
            self._engine._client.indices.delete(index=self.name, ignore_unavailable=True)


def _operation(change: Change) -> Iterator[dict[str, Any]]:
    yield {"index": {"_id": change.listing_id, "version": change.version, "version_type": "external"}}
    document = change.document
    if document is None:
        yield {"listing_id": change.listing_id, "gone": True}
        return
    yield {
        "listing_id": change.listing_id,
        "gone": False,
        "head": " ".join(document_words(document.head)),
        "body": " ".join(document_words(document.body)),
        **{name: getattr(document, name) for name in TERM_FIELDS},
        "model_year": document.model_year,
        "ask_minor": document.ask_minor,
        "mileage_km": document.mileage_km,
        "registered_on": document.first_registration_on.isoformat() if document.first_registration_on else None,
        "published_us": epoch_us(document.published_at),
        "document": dump(document),
    }


# --- questions --------------------------------------------------------------------------------------------------------


def _clauses(filters: Filters) -> list[dict[str, Any]]:
    terms = [{"terms": {name: list(wanted)}} for name in TERM_FIELDS if (wanted := getattr(filters, name))]
    return [*terms, *({"range": {field: {side: value}}} for field, side, value in bounds(filters))]


def _request(question: Question) -> dict[str, Any]:
    """Words in the query, filters behind it (``post_filter``), each facet under all filters but its own."""
    words = [{"multi_match": {"query": word, "fields": ["head^4", "body"], "analyzer": "words"}} for word in question.words]
    request: dict[str, Any] = {
        "query": {"bool": {"must": words, "filter": [{"term": {"gone": False}}]}},
        "size": question.limit + 1,
        "track_total_hits": True,
        "sort": _sort(question),
        "source": ["document"],
    }
    if question.facets:
        request["post_filter"] = {"bool": {"filter": _clauses(question.filters)}}
        request["aggs"] = {facet: _aggregation(question.filters, facet) for facet in FACETS}
    else:
        request["query"]["bool"]["filter"] += _clauses(question.filters)
    if question.after is not None:
        key, listing_id = question.after
        request["search_after"] = [float(key) if question.order is Sort.RELEVANCE else key, listing_id]
    return request


def _sort(question: Question) -> list[dict[str, Any]]:
    if question.order is Sort.RELEVANCE:
        return [{"_score": "desc"}, {"listing_id": "asc"}]
    field, down = SORT_FIELDS[question.order]
    direction = "desc" if down else "asc"
    return [{field: direction}, {"listing_id": direction}]


def _aggregation(filters: Filters, facet: str) -> dict[str, Any]:
    if facet == "price":
        pairs = zip(PRICE_STEPS, (*PRICE_STEPS[1:], None), strict=True)
        ranges = [{"key": str(low), "from": low, **({"to": high} if high is not None else {})} for low, high in pairs]
        values: dict[str, Any] = {"range": {"field": "ask_minor", "ranges": ranges}}
    else:
        order = [{"_count": "desc"}, {"_key": "asc"}]
        values = {"terms": {"field": _FACET_FIELDS[facet], "size": FACET_SIZE, "order": order}}
    return {"filter": {"bool": {"filter": _clauses(filters.without(facet))}}, "aggs": {"values": values}}


def _facets(found: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    facets = {}
    for facet in FACETS:
        buckets = [bucket for bucket in found[facet]["values"]["buckets"] if bucket["doc_count"]]
        ordered = sorted(buckets, key=lambda bucket: -bucket["doc_count"])
        facets[facet] = {str(bucket["key"]): int(bucket["doc_count"]) for bucket in ordered}
    return facets


def _key(value: Any) -> int | str:
    return repr(value) if isinstance(value, float) else int(value)
