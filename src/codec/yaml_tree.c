// SPDX-License-Identifier: Apache-2.0
/* The events of libyaml to an array of nodes. Whatever could make a small document big is refused here. */
#include "codec/yaml_impl.h"

#include "base/mem.h"

#include <string.h>
#include <yaml.h>

/* A map or list whose end has not come yet. */
struct open {
	uint32_t node, last; /* last child */
};

struct reading {
	struct yaml_tree *tree;
	struct yaml_pool *pool;
	struct yaml_faults *faults;
	struct open stack[YAML_DEPTH_MAX];
	unsigned depth;
	bool begun, done;
};

static unsigned line_of(const yaml_event_t *e)
{
	return (unsigned)e->start_mark.line + 1;
}

static int refuse(struct reading *r, unsigned line, const char *why)
{
	yaml_fault(r->faults, line, "%s", why);
	return -1;
}

static uint32_t add(struct reading *r, enum yaml_kind kind, const yaml_event_t *e)
{
	struct yaml_tree *t = r->tree;
	if (t->n == YAML_NODES_MAX) {
		refuse(r, line_of(e), "the document has too many values");
		return YAML_NONE;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		t->v = mem_grow(t->v, t->room * sizeof *t->v);
	}
	uint32_t at = t->n++;
	t->v[at] = (struct yaml_item){ .kind = kind, .line = line_of(e), .child = YAML_NONE, .next = YAML_NONE };
	if (r->depth) {
		struct open *o = &r->stack[r->depth - 1];
		if (o->last == YAML_NONE)
			t->v[o->node].child = at;
		else
			t->v[o->last].next = at;
		o->last = at;
		t->v[o->node].n++;
	}
	return at;
}

static int begin(struct reading *r, enum yaml_kind kind, const yaml_event_t *e)
{
	if (r->depth == YAML_DEPTH_MAX)
		return refuse(r, line_of(e), "maps and lists lie too deep in each other");
	uint32_t at = add(r, kind, e);
	if (at == YAML_NONE)
		return -1;
	r->stack[r->depth++] = (struct open){ at, YAML_NONE };
	return 0;
}

static int end(struct reading *r)
{
	struct yaml_item *item = &r->tree->v[r->stack[--r->depth].node];
	if (item->kind == YAML_IS_MAP)
		item->n /= 2;
	return 0;
}

static int scalar(struct reading *r, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	if (n > YAML_SCALAR_MAX)
		return refuse(r, line_of(e), "a value is longer than 4096 octets");
	if (memchr(text, 0, n))
		return refuse(r, line_of(e), "a value holds a NUL octet");
	uint32_t at = add(r, YAML_IS_SCALAR, e);
	if (at == YAML_NONE)
		return -1;
	r->tree->v[at].text = yaml_pool_text(r->pool, text, n);
	r->tree->v[at].plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static int document(struct reading *r, const yaml_event_t *e)
{
	if (r->begun)
		return refuse(r, line_of(e), "a second document in the file; one is expected");
	r->begun = true;
	if (e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end)
		return refuse(r, line_of(e), "a tag directive; tags are not taken");
	return 0;
}

/* What a node may not carry; 0, or -1 with the fault. */
static int bare(struct reading *r, const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return refuse(r, line_of(e), "an anchor (&) or alias (*); write the value out, or quote it");
	return tag ? refuse(r, line_of(e), "a tag (!); write the value without, or quote it") : 0;
}

static int take(struct reading *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return document(r, e);
	case YAML_ALIAS_EVENT:
		return bare(r, e, e->data.alias.anchor, NULL);
	case YAML_SCALAR_EVENT:
		return bare(r, e, e->data.scalar.anchor, e->data.scalar.tag) < 0 ? -1 : scalar(r, e);
	case YAML_SEQUENCE_START_EVENT:
		if (bare(r, e, e->data.sequence_start.anchor, e->data.sequence_start.tag) < 0)
			return -1;
		return begin(r, YAML_IS_LIST, e);
	case YAML_MAPPING_START_EVENT:
		if (bare(r, e, e->data.mapping_start.anchor, e->data.mapping_start.tag) < 0)
			return -1;
		return begin(r, YAML_IS_MAP, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return end(r);
	case YAML_STREAM_END_EVENT:
		r->done = true;
		return 0;
	default:
		return 0;
	}
}

/* A fault of encoding comes with its offset alone. */
static unsigned fault_line(const yaml_parser_t *p, struct bytes text)
{
	unsigned line = 1;
	if (p->error != YAML_READER_ERROR)
		return (unsigned)p->problem_mark.line + 1;
	for (size_t i = 0; i < p->problem_offset && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

int yaml_tree_read(struct bytes text, struct yaml_tree *out, struct yaml_pool *pool, struct yaml_faults *faults)
{
	struct reading r = { .tree = out, .pool = pool, .faults = faults };
	yaml_parser_t parser;
	yaml_event_t event;
	int code = 0;
	*out = (struct yaml_tree){ 0 };
	if (text.n > YAML_SIZE_MAX)
		return refuse(&r, 0, "larger than 1 MiB");
	if (text.n == 0)
		return 0;
	if (memchr(text.p, 0, text.n))
		return refuse(&r, 1, "a NUL octet; UTF-8 text is expected");
	ENSURE(yaml_parser_initialize(&parser));
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, text.p, text.n);
	while (code == 0 && !r.done) {
		if (!yaml_parser_parse(&parser, &event)) {
			yaml_fault(faults, fault_line(&parser, text), "not YAML: %s",
				parser.problem ? parser.problem : "out of memory");
			code = -1;
			break;
		}
		code = take(&r, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return code;
}
