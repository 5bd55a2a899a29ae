#include <errno.h>
#include <string.h>

#include "decision/cleanup.h"
#include "launcher/load.h"
#include "launcher/picture.h"
#include "launcher/plan_json.h"
#include "launcher/plan_text.h"
#include "profiles/load.h"

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory");
}

static int print_profile(const char *name, struct err *e)
{
	cleanup_free struct profile *p = malloc(sizeof(*p));
	cleanup_free char *text = NULL;

	if (!p)
		return no_memory(e);
	if (load_profile(name, p, e) < 0 || profile_emit(p, &text, e) < 0)
		return e->code;
	fputs(text, stdout);
	return 0;
}

static int print_json(const struct inputs *in, struct err *e)
{
	cleanup_free char *text = NULL;

	if (plan_json_format(&in->plan, &in->topology, &text, e) < 0)
		return e->code;
	puts(text);
	return 0;
}

static int print_text(const struct options *o, const struct inputs *in, struct err *e)
{
	struct picture_style style;
	int code = 0;

	if (picture_style_detect(stdout, &style))
		code = picture_print(&in->plan, &in->topology, &style, stdout);
	if (code == 0)
		code = plan_text_print(&in->plan, stdout);
	if (code == 0 && o->explain)
		code = plan_text_explain(&in->plan, stdout);
	return code < 0 ? no_memory(e) : 0;
}

static int run_plan(const struct invocation *in, struct err *e)
{
	const struct options *o = &in->options;
	const char *profile = in->operand_count ? in->operands[0] : NULL;
	cleanup_free struct inputs *inputs = malloc(sizeof(*inputs));

	if (!inputs)
		return no_memory(e);
	if (o->profile)
		return print_profile(profile, e);
	if (load_inputs(o, profile, inputs, e) < 0)
		return e->code;
	if (o->json)
		return print_json(inputs, e);
	return print_text(o, inputs, e);
}

static const struct option options[] = {
	{"explain", NULL, "show the candidates and every term of the memory",
	 offsetof(struct options, explain)},
	OPTION_JSON,
	{"profile", NULL, "show the profile with all values in force, as YAML",
	 offsetof(struct options, profile)},
	OPTION_END,
};

const struct command cmd_plan = {
	.name = "plan",
	.arguments = "[PROFILE]",
	.summary = "Decide how to split the machine, and show it",
	.details =
		"PROFILE is the path of a YAML file (it has a '/' or ends in .yaml) or the name of a shipped one;\n"
		"without it the built-in defaults hold. Nothing is changed.",
	.options = options,
	.max_operands = 1,
	.failure = ERR_FAILED,
	.run = run_plan,
};
