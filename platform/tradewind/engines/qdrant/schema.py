"""What a collection is made of: vectors, settings and payload indexes, as Qdrant's JSON and as the engine's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import qdrant_edge as edge

from tradewind.engines.qdrant import fields
from tradewind.engines.qdrant.errors import Invalid, Malformed, WrongInput
from tradewind.engines.qdrant.fields import Json

_DISTANCES = {each: getattr(edge.Distance, each) for each in ("Cosine", "Dot", "Euclid", "Manhattan")}
_DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}
_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000, "max_indexing_threads": 0, "on_disk": False}
_OPTIMIZERS: Json = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10_000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
}
_WAL = {"wal_capacity_mb": 32, "wal_segments_ahead": 0}
_UPDATABLE = ("optimizers_config", "hnsw_config", "quantization_config", "metadata")
_MAX_SIZE = 65_536


@dataclass(frozen=True)
class Schema:
    """A collection's settings. `body` is the JSON it was created with, updates merged in."""

    body: Json
    dense: dict[str, int] = field(default_factory=dict)
    multi: frozenset[str] = frozenset()
    sparse: frozenset[str] = frozenset()

    @staticmethod
    def read(body: Json) -> Schema:
        """Read the body of a collection's creation.

        Raises:
            Malformed: a field of another type.
            Invalid: a vector size outside 1 to 65,536.
            WrongInput: neither dense nor sparse vectors.
        """
        dense = _dense(body)
        sparse = fields.an_object(body.get("sparse_vectors") or {}, "sparse_vectors")
        if not dense and not sparse:
            raise WrongInput("a collection needs at least one dense or sparse vector")
        schema = Schema(
            body=body,
            dense={name: _size(params, name) for name, params in dense.items()},
            multi=frozenset(name for name, params in dense.items() if params.get("multivector_config")),
            sparse=frozenset(sparse),
        )
        schema.engine_config()
        return schema

    def updated(self, patch: Json) -> Schema:
        """Give the settings with a collection update merged in; vectors themselves can't change."""
        body = dict(self.body)
        for name in _UPDATABLE:
            if patch.get(name) is not None:
                body[name] = {**(body.get(name) or {}), **fields.an_object(patch[name], name)}
        return Schema.read(body)

    @property
    def indexing_threshold_kb(self) -> int:
        """Vectors beyond this size are searched through an index built for them."""
        return int(self.optimizers["indexing_threshold"])

    @property
    def optimizers(self) -> Json:
        """The optimizer's settings, defaults filled in."""
        return _over(_OPTIMIZERS, self.body.get("optimizers_config"), "optimizers_config")

    @property
    def vector_kb(self) -> float:
        """How large the dense vectors of one point are, in KB."""
        return sum(self.dense.values()) * 4 / 1024

    def check_name(self, name: str) -> None:
        """Refuse the name of a vector that the collection doesn't have."""
        if name not in self.dense and name not in self.sparse:
            raise WrongInput(f"Not existing vector name error: {name}")

    def engine_config(self) -> edge.EdgeConfig:
        """Give the engine's configuration."""
        optimizers = self.optimizers
        sparse = fields.an_object(self.body.get("sparse_vectors") or {}, "sparse_vectors")
        return edge.EdgeConfig(
            vectors={name: _dense_params(params, name) for name, params in _dense(self.body).items()},
            sparse_vectors={name: _sparse_params(params, name) for name, params in sparse.items()},
            hnsw_config=_hnsw(self.body.get("hnsw_config"), "hnsw_config"),
            quantization_config=_quantization(self.body.get("quantization_config"), "quantization_config"),
            optimizers=edge.EdgeOptimizersConfig(
                deleted_threshold=fields.maybe_number(optimizers, "deleted_threshold"),
                vacuum_min_vector_number=fields.maybe_integer(optimizers, "vacuum_min_vector_number"),
                default_segment_number=fields.maybe_integer(optimizers, "default_segment_number"),
                max_segment_size=fields.maybe_integer(optimizers, "max_segment_size"),
                indexing_threshold=fields.maybe_integer(optimizers, "indexing_threshold"),
            ),
        )

    def config_json(self) -> Json:
        """Give the `config` of a collection's information."""
        body = self.body
        params = {
            "vectors": body.get("vectors") or {},
            "sparse_vectors": body.get("sparse_vectors"),
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": True,
        }
        config = {
            "params": {name: value for name, value in params.items() if value is not None},
            "hnsw_config": _over(_HNSW, body.get("hnsw_config"), "hnsw_config"),
            "optimizer_config": self.optimizers,
            "wal_config": _WAL,
            "quantization_config": body.get("quantization_config"),
            "metadata": body.get("metadata"),
        }
        return {name: value for name, value in config.items() if value is not None}


def _over(defaults: Json, given: Any, where: str) -> Json:
    body = fields.an_object(given or {}, where)
    return {**defaults, **{name: value for name, value in body.items() if value is not None}}


def _dense(body: Json) -> dict[str, Json]:
    vectors = fields.an_object(body.get("vectors") or {}, "vectors")
    if "size" in vectors or "distance" in vectors:
        return {"": vectors}
    return {name: fields.an_object(params, f"vectors.{name}") for name, params in vectors.items()}


def _size(params: Json, name: str) -> int:
    return fields.an_integer(params.get("size"), f"vectors.{name}.size", least=1, most=_MAX_SIZE)


def _dense_params(params: Json, name: str) -> edge.EdgeVectorParams:
    where = f"vectors.{name}"
    comparator = fields.an_object(params.get("multivector_config") or {}, where).get("comparator")
    if comparator is not None:
        fields.choice(comparator, f"{where}.multivector_config.comparator", ("max_sim",))
    return edge.EdgeVectorParams(
        size=_size(params, name),
        distance=_DISTANCES[fields.choice(params.get("distance"), f"{where}.distance", tuple(_DISTANCES))],
        on_disk=fields.maybe_flag(params, "on_disk"),
        multivector_config=edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if comparator else None,
        datatype=_datatype(params, where),
        quantization_config=_quantization(params.get("quantization_config"), f"{where}.quantization_config"),
        hnsw_config=_hnsw(params.get("hnsw_config"), f"{where}.hnsw_config"),
    )


def _sparse_params(value: Any, name: str) -> edge.EdgeSparseVectorParams:
    where = f"sparse_vectors.{name}"
    params = fields.an_object(value or {}, where)
    index = fields.an_object(params.get("index") or {}, f"{where}.index")
    modifier = params.get("modifier") or "none"
    fields.choice(modifier, f"{where}.modifier", ("none", "idf"))
    return edge.EdgeSparseVectorParams(
        full_scan_threshold=fields.maybe_integer(index, "full_scan_threshold"),
        on_disk=fields.maybe_flag(index, "on_disk"),
        modifier=edge.Modifier.Idf if modifier == "idf" else None,
        datatype=_datatype(index, f"{where}.index"),
    )


def _datatype(params: Json, where: str) -> edge.VectorStorageDatatype | None:
    name = params.get("datatype")
    return None if name is None else _DATATYPES[fields.choice(name, f"{where}.datatype", tuple(_DATATYPES))]


def _hnsw(value: Any, where: str) -> edge.HnswIndexConfig | None:
    if value is None:
        return None
    body = _over(_HNSW, value, where)
    return edge.HnswIndexConfig(
        m=fields.an_integer(body["m"], f"{where}.m"),
        ef_construct=fields.an_integer(body["ef_construct"], f"{where}.ef_construct", least=4),
        full_scan_threshold=fields.an_integer(body["full_scan_threshold"], f"{where}.full_scan_threshold"),
        max_indexing_threads=fields.an_integer(body["max_indexing_threads"], f"{where}.max_indexing_threads"),
        on_disk=fields.a_flag(body["on_disk"], f"{where}.on_disk"),
        payload_m=fields.maybe_integer(body, "payload_m"),
    )


def _quantization(value: Any, where: str) -> edge.QuantizationConfigType | None:
    if value is None or value == {}:
        return None
    body = fields.an_object(value, where)
    if "scalar" in body:
        scalar = fields.an_object(body["scalar"], f"{where}.scalar")
        fields.choice(scalar.get("type"), f"{where}.scalar.type", ("int8",))
        return edge.ScalarQuantizationConfig(
            edge.ScalarType.Int8,
            quantile=fields.maybe_number(scalar, "quantile"),
            always_ram=fields.maybe_flag(scalar, "always_ram"),
        )
    if "binary" in body:
        binary = fields.an_object(body["binary"], f"{where}.binary")
        return edge.BinaryQuantizationConfig(always_ram=fields.maybe_flag(binary, "always_ram"))
    raise Malformed(where, "scalar or binary quantization")


def _index_flags(body: Json, *names: str) -> Json:
    return {name: fields.maybe_flag(body, name) for name in (*names, "on_disk", "enable_hnsw")}


def _text_index(body: Json) -> edge.TextIndexParams:
    tokenizers = {each.lower(): getattr(edge.TokenizerType, each) for each in ("Prefix", "Whitespace", "Word")}
    tokenizers["multilingual"] = edge.TokenizerType.Multilingual
    tokenizer = fields.choice(body.get("tokenizer") or "word", "field_schema.tokenizer", tuple(tokenizers))
    for name in ("stopwords", "stemmer", "scoring"):
        if body.get(name) is not None:
            raise WrongInput(f"field_schema.{name} is not spoken by the embedded engine's gateway")
    return edge.TextIndexParams(
        tokenizer=tokenizers[tokenizer],
        min_token_len=fields.maybe_integer(body, "min_token_len"),
        max_token_len=fields.maybe_integer(body, "max_token_len"),
        **_index_flags(body, "lowercase", "ascii_folding", "phrase_matching"),
    )


_INDEXES: dict[str, Callable[[Json], Any]] = {
    "keyword": lambda body: edge.KeywordIndexParams(**_index_flags(body, "is_tenant", "prefix")),
    "integer": lambda body: edge.IntegerIndexParams(**_index_flags(body, "lookup", "range", "is_principal")),
    "float": lambda body: edge.FloatIndexParams(**_index_flags(body, "is_principal")),
    "geo": lambda body: edge.GeoIndexParams(**_index_flags(body)),
    "text": _text_index,
    "bool": lambda body: edge.BoolIndexParams(**_index_flags(body)),
    "datetime": lambda body: edge.DatetimeIndexParams(**_index_flags(body, "is_principal")),
    "uuid": lambda body: edge.UuidIndexParams(**_index_flags(body, "is_tenant")),
}


def read_field_index(body: Json) -> tuple[str, Json, edge.UpdateOperation]:
    """Read the creation of a payload index: the field, its schema as an object, and the engine's operation."""
    name = fields.a_string(body.get("field_name"), "field_name")
    given = body.get("field_schema", body.get("field_type"))
    if given is None:
        raise Invalid("field_schema", "a payload index needs the type of its field")
    schema = {"type": given} if isinstance(given, str) else fields.an_object(given, "field_schema")
    kind = fields.choice(schema.get("type"), "field_schema.type", tuple(_INDEXES))
    if schema.get("nested") is not None:
        raise WrongInput("field_schema.nested is not spoken by the embedded engine's gateway")
    operation = edge.UpdateOperation.create_field_index(name, cast("edge.PayloadSchemaParams", _INDEXES[kind](schema)))
    return name, schema, operation
