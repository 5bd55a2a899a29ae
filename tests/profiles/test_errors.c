/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles that are wrong: each with the exact message, files that are none, and that nothing is
 * written, read endlessly or overrun on the way.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "decision/base/cleanup.h"
#include "profiles/load.h"
#include "tests/harness.h"
#include "tests/profiles/values.h"

static struct profile profile;

#define T(bytes) bytes, sizeof(bytes) - 1

static const struct bad {
	const char *text;
	size_t size;
	const char *message; /* behind "p.yaml:" */
} bad[] = {
	{T("partition:\n  slice: 3\n"),
	 "2:3: partition.slice: unknown key, allowed by, slices, cores, max_cores, smt, cpus, memory_only_nodes, reserve; did you mean partition.slices?"},
	{T("partition: {cpu: 0-3}\n"),
	 "1:13: partition.cpu: unknown key, allowed by, slices, cores, max_cores, smt, cpus, memory_only_nodes, reserve; did you mean partition.cpus?"},
	{T("heap: 4G\n"),
	 "1:1: heap: unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics; did you mean memory.heap?"},
	{T("gc: g1\n"),
	 "1:1: gc: unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics; did you mean jvm.gc?"},
	{T("nmae: x\n"),
	 "1:1: nmae: unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics; did you mean name?"},
	{T("xyzzy: 1\n"),
	 "1:1: xyzzy: unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics"},
	{T("spark.join: x\n"),
	 "1:1: spark.join: unknown key; dots do not nest, write \"join:\" indented below \"spark:\""},
	{T("partition: {cpus: 0-3,8}\n"),
	 "1:23: partition.\"8\": unknown key; a list of CPUs inside { } needs quotes, as in {cpus: \"0-3,8\"}"},
	{T("Name: x\n"),
	 "1:1: Name: unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics; did you mean name?"},
	{T("\"a\\u00e9\\n\": 1\n"),
	 "1:1: \"aé\\n\": unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics"},
	{T("\"\\0\": 3\n"), "1:1: found a text with a NUL character, allowed a key"},
	{T("\"\": 3\n"),
	 "1:1: \"\": unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics"},
	{T("partition:\n  slices: 65\n"),
	 "2:11: partition.slices: found \"65\", allowed 1..64 | auto"},
	{T("partition: {slices: 0}\n"),
	 "1:21: partition.slices: found \"0\", allowed 1..64 | auto"},
	{T("partition: {slices: -1}\n"),
	 "1:21: partition.slices: found \"-1\", allowed 1..64 | auto"},
	{T("partition: {slices: \"8\"}\n"),
	 "1:21: partition.slices: found the text \"8\", allowed 1..64 | auto; remove the quotes"},
	{T("partition: {slices: 010}\n"),
	 "1:21: partition.slices: found \"010\", allowed 1..64 | auto; did you mean 10?"},
	{T("partition: {slices: 0x10}\n"),
	 "1:21: partition.slices: found \"0x10\", allowed 1..64 | auto"},
	{T("partition: {slices: 1_0}\n"),
	 "1:21: partition.slices: found \"1_0\", allowed 1..64 | auto"},
	{T("partition: {slices: 99999999999999999999}\n"),
	 "1:21: partition.slices: found \"99999999999999999999\", allowed 1..64 | auto"},
	{T("partition: {slices: 4.0}\n"),
	 "1:21: partition.slices: found \"4.0\", allowed 1..64 | auto"},
	{T("partition: {slices: all}\n"),
	 "1:21: partition.slices: found \"all\", allowed 1..64 | auto"},
	{T("partition: {slices: [4]}\n"),
	 "1:21: partition.slices: found a sequence, allowed 1..64 | auto"},
	{T("partition: {slices: {min: 4}}\n"),
	 "1:21: partition.slices: found a mapping, allowed 1..64 | auto"},
	{T("partition: {by: sockets}\n"),
	 "1:17: partition.by: found \"sockets\", allowed auto | machine | socket | numa | l3; did you mean socket?"},
	{T("partition: {by: none}\n"),
	 "1:17: partition.by: found \"none\", allowed auto | machine | socket | numa | l3"},
	{T("partition: {by: NUMA}\n"),
	 "1:17: partition.by: found \"NUMA\", allowed auto | machine | socket | numa | l3; did you mean numa?"},
	{T("partition: {smt: off}\n"), "1:18: partition.smt: found \"off\", allowed all | one"},
	{T("partition: {memory_only_nodes: yes}\n"),
	 "1:32: partition.memory_only_nodes: found \"yes\", allowed true | false; did you mean true?"},
	{T("partition: {memory_only_nodes: \"true\"}\n"),
	 "1:32: partition.memory_only_nodes: found the text \"true\", allowed true | false; remove the quotes"},
	{T("partition: {memory_only_nodes: True}\n"),
	 "1:32: partition.memory_only_nodes: found \"True\", allowed true | false; did you mean true?"},
	{T("partition:\n  cpus: 3-1\n"),
	 "2:9: partition.cpus: found \"3-1\", allowed a CPU list like 0-3,8 of CPUs 0..4095 | all"},
	{T("partition:\n  cpus: 0-4096\n"),
	 "2:9: partition.cpus: found \"0-4096\", allowed a CPU list like 0-3,8 of CPUs 0..4095 | all"},
	{T("partition:\n  cpus: \"\"\n"),
	 "2:9: partition.cpus: found \"\", allowed a CPU list like 0-3,8 of CPUs 0..4095 | all"},
	{T("partition:\n  reserve: 2\n"),
	 "2:12: partition.reserve: found \"2\", allowed a mapping of keys"},
	{T("partition:\n  reserve: {memory: none}\n"),
	 "2:21: partition.reserve.memory: found \"none\", allowed a size like 4G, 0..1024T | 0%..100% | auto"},
	{T("version: 2\n"), "1:10: version: found \"2\", allowed 1"},
	{T("name: A\n"),
	 "1:7: name: found \"A\", allowed 1 to 31 of a-z, 0-9 and '-', no '-' first"},
	{T("name: abcdefghijklmnopqrstuvwxyz-01234\n"),
	 "1:7: name: found \"abcdefghijklmnopqrstuvwxyz-01234\" of 32 bytes, allowed are at most 31"},
	{T("name: ''\n"),
	 "1:7: name: found \"\", allowed 1 to 31 of a-z, 0-9 and '-', no '-' first"},
	{T("name:\n"),
	 "1:6: name: found no value, allowed 1 to 31 of a-z, 0-9 and '-', no '-' first; remove the key to keep its default"},
	{T("name: ~\n"),
	 "1:7: name: found no value, allowed 1 to 31 of a-z, 0-9 and '-', no '-' first; remove the key to keep its default"},
	{T("name: null\n"),
	 "1:7: name: found no value, allowed 1 to 31 of a-z, 0-9 and '-', no '-' first; remove the key to keep its default"},
	{T("partition:\n"),
	 "1:11: partition: found no value, allowed a mapping of keys; remove the key to keep its default"},
	{T("memory: {heap: 4GB}\n"),
	 "1:16: memory.heap: found \"4GB\", allowed a size like 4G, 450M..1024T | 1%..100% | auto; did you mean 4G?"},
	{T("memory: {heap: 4GiB}\n"),
	 "1:16: memory.heap: found \"4GiB\", allowed a size like 4G, 450M..1024T | 1%..100% | auto; did you mean 4G?"},
	{T("memory: {heap: 449M}\n"),
	 "1:16: memory.heap: found \"449M\", allowed a size like 4G, 450M..1024T | 1%..100% | auto"},
	{T("memory: {heap: 1.5G}\n"),
	 "1:16: memory.heap: found \"1.5G\", allowed a size like 4G, 450M..1024T | 1%..100% | auto"},
	{T("memory: {heap: 101%}\n"),
	 "1:16: memory.heap: found \"101%\", allowed a size like 4G, 450M..1024T | 1%..100% | auto"},
	{T("memory: {heap: 4 G}\n"),
	 "1:16: memory.heap: found \"4 G\", allowed a size like 4G, 450M..1024T | 1%..100% | auto"},
	{T("memory: {heap: none}\n"),
	 "1:16: memory.heap: found \"none\", allowed a size like 4G, 450M..1024T | 1%..100% | auto"},
	{T("memory: {low: auto}\n"),
	 "1:15: memory.low: found \"auto\", allowed a size like 4G, 0..1024T | 0%..100%"},
	{T("memory: {direct: 1M}\n"),
	 "1:18: memory.direct: found \"1M\", allowed a size like 4G, 200M..1024T | 1%..100% | auto"},
	{T("memory: {off_heap: 1025T}\n"),
	 "1:20: memory.off_heap: found \"1025T\", allowed a size like 4G, 0..1024T | 0%..100% | auto"},
	{T("memory: {off_heap: 18446744073709551616}\n"),
	 "1:20: memory.off_heap: found \"18446744073709551616\", allowed a size like 4G, 0..1024T | 0%..100% | auto"},
	{T("memory: {scratch: {size: 10%}}\n"),
	 "1:26: memory.scratch.size: found \"10%\", allowed a size like 4G, 0..1024T"},
	{T("memory: {scratch: {path: scratch}}\n"),
	 "1:26: memory.scratch.path: found \"scratch\", allowed a path from the root like /opt/x | auto"},
	{T("memory: {scratch: {path: ~/scratch}}\n"),
	 "1:26: memory.scratch.path: found \"~/scratch\", allowed a path from the root like /opt/x | auto"},
	{T("memory: {scratch: {type: tmpfs}}\n"),
	 "1:26: memory.scratch.type: tmpfs needs a memory.scratch.size above 0"},
	{T("memory: {give_back: no}\n"),
	 "1:21: memory.give_back: found \"no\", allowed off | idle"},
	{T("rebalance: {tick: 50}\n"), "1:19: rebalance.tick: found \"50\", allowed 10ms..10s"},
	{T("rebalance: {tick: 5ms}\n"), "1:19: rebalance.tick: found \"5ms\", allowed 10ms..10s"},
	{T("rebalance: {tick: 2S}\n"), "1:19: rebalance.tick: found \"2S\", allowed 10ms..10s"},
	{T("rebalance: {mode: true}\n"),
	 "1:19: rebalance.mode: found \"true\", allowed off | observe | act"},
	{T("spark: {start_timeout: 2h}\n"),
	 "1:24: spark.start_timeout: found \"2h\", allowed 1s..60m"},
	{T("spark: {home: build/spark}\n"),
	 "1:15: spark.home: found \"build/spark\", allowed a path from the root like /opt/x | auto"},
	{T("spark: {master: {address: my_host}}\n"),
	 "1:27: spark.master.address: found \"my_host\", allowed an IPv4 address but 0.0.0.0, or a host name without '_'"},
	{T("spark: {master: {address: 0.0.0.0}}\n"),
	 "1:27: spark.master.address: found \"0.0.0.0\", allowed an IPv4 address but 0.0.0.0, or a host name without '_'"},
	{T("spark: {master: {address: 300.1.1.1}}\n"),
	 "1:27: spark.master.address: found \"300.1.1.1\", allowed an IPv4 address but 0.0.0.0, or a host name without '_'"},
	{T("spark: {master: {port: 0}}\n"),
	 "1:24: spark.master.port: found \"0\", allowed 1..65535 | auto"},
	{T("spark: {master: {port: 70000}}\n"),
	 "1:24: spark.master.port: found \"70000\", allowed 1..65535 | auto"},
	{T("spark: {master: {port: 8080, ui_port: 8080}}\n"),
	 "1:39: spark.master.ui_port: spark.master.port is the same; the master needs two ports"},
	{T("spark: {join: big:7077}\n"),
	 "1:15: spark.join: found \"big:7077\", allowed spark://HOST:PORT | none"},
	{T("spark: {join: spark://big:7077}\n"),
	 "1:15: spark.join: the master there cannot reach slices on loopback; write an address of this machine as spark.first_address"},
	{T("spark: {first_address: 300.1.1.1}\n"),
	 "1:24: spark.first_address: found \"300.1.1.1\", allowed 1.0.0.0..223.255.255.192 | auto"},
	{T("spark: {first_address: 224.0.0.1}\n"),
	 "1:24: spark.first_address: found \"224.0.0.1\", allowed 1.0.0.0..223.255.255.192 | auto"},
	{T("spark: {first_address: 127.0.0}\n"),
	 "1:24: spark.first_address: found \"127.0.0\", allowed 1.0.0.0..223.255.255.192 | auto"},
	{T("spark:\n  conf:\n    spark.master: x\n"),
	 "3:5: spark.conf: found \"spark.master\": cleave sets it to the cluster's own master"},
	{T("spark:\n  conf:\n    spark.authenticate.secret: x\n"),
	 "3:5: spark.conf: found \"spark.authenticate.secret\": security.authenticate sets it, with a secret of its own"},
	{T("spark:\n  conf:\n    spark.executor.memory: 4g\n"),
	 "3:5: spark.conf: found \"spark.executor.memory\": memory.heap sets it"},
	{T("spark:\n  conf:\n    executor.memory: 4g\n"),
	 "3:5: spark.conf: found \"executor.memory\": only properties that begin with \"spark.\" reach an application"},
	{T("spark:\n  conf: {spark.a=b: c}\n"),
	 "2:10: spark.conf: found \"spark.a=b\": a property's name has visible ASCII characters, none of them '='"},
	{T("spark:\n  conf:\n    spark.x:\n"),
	 "3:13: spark.conf.spark.x: found no value, allowed a text; \"\" is the empty one; remove the key to keep its default"},
	{T("spark:\n  conf:\n    spark.x: [1]\n"),
	 "3:14: spark.conf.spark.x: found a sequence, allowed a text; \"\" is the empty one"},
	{T("spark:\n  conf:\n    spark.x: 1\n    spark.x: 2\n"),
	 "4:5: spark.conf: found \"spark.x\": this key stands here twice"},
	{T("spark:\n  conf: [spark.x]\n"),
	 "2:9: spark.conf: found a sequence, allowed a mapping of spark.* properties"},
	{T("spark:\n  env: {1A: x}\n"),
	 "2:9: spark.env: found \"1A\": a variable's name has letters, digits and '_', no digit first"},
	{T("spark:\n  env: {SPARK_HOME: x}\n"),
	 "2:9: spark.env: found \"SPARK_HOME\": spark.home sets it"},
	{T("spark:\n  env: {_JAVA_OPTIONS: -Xmx1g}\n"),
	 "2:9: spark.env: found \"_JAVA_OPTIONS\": it would override memory.heap; use jvm.options"},
	{T("jvm: {options: -Xss4m}\n"),
	 "1:16: jvm.options: found \"-Xss4m\", allowed a sequence of JVM options, one an item"},
	{T("jvm: {options: [-Xss4m, -Xmx4g]}\n"),
	 "1:25: jvm.options[1]: found \"-Xmx4g\": memory.heap sets the heap"},
	{T("jvm: {options: [Xss4m]}\n"),
	 "1:17: jvm.options[0]: found \"Xss4m\": a JVM option begins with '-'"},
	{T("jvm: {options: [-Xss4m -ea]}\n"),
	 "1:17: jvm.options[0]: found \"-Xss4m -ea\": blanks, quotes and backslashes do not reach the executors; write one option an item"},
	{T("jvm: {options: [-XX:+UseG1GC]}\n"),
	 "1:17: jvm.options[0]: found \"-XX:+UseG1GC\": jvm.gc chooses the collector"},
	{T("jvm: {options: [-XX:MaxDirectMemorySize=1g]}\n"),
	 "1:17: jvm.options[0]: found \"-XX:MaxDirectMemorySize=1g\": memory.direct sets it"},
	{T("jvm: {options: [~]}\n"),
	 "1:17: jvm.options[0]: found no value, allowed a text; remove the key to keep its default"},
	{T("jvm: {options: [[-ea]]}\n"), "1:17: jvm.options[0]: found a sequence, allowed a text"},
	{T("io: {device: 8:0}\n"),
	 "1:5: io: found a mapping, allowed a sequence of at most 16 mappings"},
	{T("io: [8:0]\n"), "1:6: io[0]: found \"8:0\", allowed a mapping of keys"},
	{T("io: [{read_bps: 1M}]\n"),
	 "1:6: io[0]: needs a key \"device\": a block device as \"major:minor\""},
	{T("io: [{device: sda}]\n"),
	 "1:15: io[0].device: found \"sda\", allowed a block device as \"major:minor\""},
	{T("io: [{device: 8:0}, {device: \"8:0\"}]\n"),
	 "1:21: io[1]: has the same device as item [0]"},
	{T("io: [{device: 8:0, read_bps: auto}]\n"),
	 "1:30: io[0].read_bps: found \"auto\", allowed a size like 4G, 0..1024T"},
	{T("io: [{device: 8:0, read_iops: 1k}]\n"),
	 "1:31: io[0].read_iops: found \"1k\", allowed 0..4294967295"},
	{T("io: [{device: 8:0, read: 1}]\n"),
	 "1:20: io[0].read: unknown key, allowed device, read_bps, write_bps, read_iops, write_iops"},
	{T("services: [{name: a}]\n"),
	 "1:12: services[0]: needs a key \"command\": a sequence of the words of a command"},
	{T("services: [{name: a, command: []}]\n"),
	 "1:32: services[0].command: found an empty sequence, allowed a sequence of the words of a command"},
	{T("services: [{command: [a]}]\n"),
	 "1:12: services[0]: needs a key \"name\": 1 to 31 of a-z, 0-9 and '-', no '-' first"},
	{T("services: [{name: a, command: [b], env: {A: }}]\n"),
	 "1:45: services[0].env.A: found no value, allowed a text; \"\" is the empty one; remove the key to keep its default"},
	{T("security: {user: \"a b\"}\n"),
	 "1:18: security.user: found \"a b\", allowed the name of a user | auto"},
	{T("security: {user: \"\"}\n"),
	 "1:18: security.user: found \"\", allowed the name of a user | auto"},
	{T("metrics: {listen: 9400}\n"),
	 "1:19: metrics.listen: found \"9400\", allowed ADDRESS:PORT | none"},
	{T("docker: {image: \"a b\"}\n"),
	 "1:17: docker.image: found \"a b\", allowed the name of an image | none"},
	{T("docker: {pull: allways}\n"),
	 "1:16: docker.pull: found \"allways\", allowed never | missing | always; did you mean always?"},
	{T("backend: cgroups\n"),
	 "1:10: backend: found \"cgroups\", allowed auto | cgroup | docker | podman | affinity; did you mean cgroup?"},
	{T("backend: docker\n"), "1:10: backend: containers need docker.image"},
	{T("backend: podman\n"), "1:10: backend: containers need docker.image"},
	{T("docker: {mounts: [/data]}\n"),
	 "1:19: docker.mounts[0]: found \"/data\": a mount is SOURCE:TARGET, both absolute"},
	{T("docker: {mounts: [\"/a:/b:rx\"]}\n"),
	 "1:19: docker.mounts[0]: found \"/a:/b:rx\": behind the target comes ro, rw or nothing"},
	{T("backend: affinity\nmemory: {limit: 4G}\n"),
	 "2:17: memory.limit: backend affinity has no limits; remove this key, or write backend: cgroup"},
	{T("backend: affinity\nmemory: {high: 4G}\n"),
	 "2:16: memory.high: backend affinity has no limits; remove this key, or write backend: cgroup"},
	{T("backend: affinity\nmemory: {low: 4G}\n"),
	 "2:15: memory.low: backend affinity has no limits; remove this key, or write backend: cgroup"},
	{T("backend: affinity\nmemory:\n  swap: 4G\n"),
	 "3:9: memory.swap: backend affinity has no limits; remove this key, or write backend: cgroup"},
	{T("io: [{device: 8:0}]\nbackend: affinity\n"),
	 "1:5: io: backend affinity has no limits; remove this key, or write backend: cgroup"},
	{T("a: &x [*x]\n"),
	 "1:1: a: unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics"},
	{T("name: &x foo\n"),
	 "1:7: name: found an anchor (&), allowed are none: write the value out"},
	{T("partition: &x {by: numa}\n"),
	 "1:12: partition: found an anchor (&), allowed are none: write the value out"},
	{T("partition: *x\n"),
	 "1:12: partition: found an alias (*), allowed are none: write the value out"},
	{T("spark: {conf: {spark.x: *x}}\n"),
	 "1:25: spark.conf.spark.x: found an alias (*), allowed are none: write the value out"},
	{T("jvm: {options: &o [*o]}\n"),
	 "1:16: jvm.options: found an anchor (&), allowed are none: write the value out"},
	{T("name: !!str foo\n"),
	 "1:7: name: found a tag (!), allowed are none: a key's type is known"},
	{T("name: ! foo\n"), "1:7: name: found a tag (!), allowed are none: a key's type is known"},
	{T("partition: !x {by: numa}\n"),
	 "1:12: partition: found a tag (!), allowed are none: a key's type is known"},
	{T("%TAG ! tag:example.org,2000:\n---\nname: a\n"),
	 "1:1: found a %TAG directive, allowed are none"},
	{T("partition: {<<: {by: numa}}\n"),
	 "1:13: partition: found a merge key (<<), allowed are none: write the keys out"},
	{T("? [a]\n: b\n"), "1:3: found a sequence as key, allowed are plain words"},
	{T("? {a: b}\n: b\n"), "1:3: found a mapping as key, allowed are plain words"},
	{T("{a: b}: c\n"), "1:1: found a mapping as key, allowed are plain words"},
	{T("name: a\nname: b\n"), "2:1: name: this key stands here twice, first in line 1"},
	{T("partition: {by: numa}\nname: a\npartition: {slices: 2}\n"),
	 "3:1: partition: this key stands here twice, first in line 1"},
	{T("partition: {reserve: {cores: 1}, reserve: {memory: 1G}}\n"),
	 "1:34: partition.reserve: this key stands here twice, first in line 1"},
	{T("name: a\n---\nname: b\n"),
	 "2:1: found a second document, allowed is one a file: remove the \"---\""},
	{T("name: a\n...\n---\n"),
	 "3:1: found a second document, allowed is one a file: remove the \"---\""},
	{T("name: a\n--- b\n"),
	 "2:1: found a second document, allowed is one a file: remove the \"---\""},
	{T("[1]\n"), "1:1: found a sequence, allowed a mapping of keys"},
	{T("hello\n"), "1:1: found \"hello\", allowed a mapping of keys"},
	{T("partition: {by: numa\n"),
	 "2:1: not YAML: did not find expected ',' or '}', while parsing a flow mapping that begins in line 1"},
	{T("jvm: {options: [-ea\n"),
	 "2:1: not YAML: did not find expected ',' or ']', while parsing a flow sequence that begins in line 1"},
	{T("name: \"a\n"),
	 "2:1: not YAML: found unexpected end of stream, while scanning a quoted scalar that begins in line 1"},
	{T("partition:\n\tby: numa\n"),
	 "2:1: not YAML: this character cannot begin a value; indent by blanks, not tabs, and quote texts that begin with a special character"},
	{T("name: @a\n"),
	 "1:7: not YAML: this character cannot begin a value; indent by blanks, not tabs, and quote texts that begin with a special character"},
	{T("partition:\n  by: numa\n slices: 2\n"),
	 "3:2: not YAML: did not find expected key, while parsing a block mapping that begins in line 1"},
	{T("name: a: b\n"), "1:8: not YAML: mapping values are not allowed in this context"},
	{T("name: \"\\q\"\n"),
	 "1:8: not YAML: found unknown escape character, while parsing a quoted scalar that begins in line 1"},
	{T("name: \"\\ud800\"\n"),
	 "1:10: not YAML: found invalid Unicode character escape code, while parsing a quoted scalar that begins in line 1"},
	{T("- a\nb: c\n"), "1:1: found a sequence, allowed a mapping of keys"},
	{T("é: 1\n"),
	 "1:1: \"é\": unknown key, allowed version, name, partition, workload, memory, io, jvm, spark, rebalance, backend, docker, services, security, metrics"},
	{T("spark: {env: {Ä: 1}}\n"),
	 "1:15: spark.env: found \"Ä\": a variable's name has letters, digits and '_', no digit first"},
	{T("spark: {env: {A: \"é\", B: [1]}}\n"),
	 "1:26: spark.env.B: found a sequence, allowed a text; \"\" is the empty one"},
	{T("name: a # \xff\n"), "1:11: byte 0xff is not UTF-8: a profile is text"},
	{T("name: a\n# éé \xc0\x80\n"), "2:6: byte 0xc0 is not UTF-8: a profile is text"},
	{T("name: a\n# \xe2\x82"), "2:3: byte 0xe2 is not UTF-8: a profile is text"},
	{T("# \xed\xa0\x80\n"), "1:3: byte 0xed is not UTF-8: a profile is text"},
	{T("# \xf4\x90\x80\x80\n"), "1:3: byte 0xf4 is not UTF-8: a profile is text"},
	{T("# a\x00"
	   "b\n"),
	 "1:4: the control character U+0000 is not allowed: a profile is text"},
	{T("# a\n\x1b[31m\n"),
	 "2:1: the control character U+001B is not allowed: a profile is text"},
	{T("# a\r\n# b\r\n# \x07\n"),
	 "3:3: the control character U+0007 is not allowed: a profile is text"},
	{T("# a\r# b\r\x07\n"),
	 "3:1: the control character U+0007 is not allowed: a profile is text"},
	{T("# \xc2\x80\n"), "1:3: the control character U+0080 is not allowed: a profile is text"},
	{T("\xff\xfen\x00"
	   "a\x00"),
	 "1:1: byte 0xff is not UTF-8: a profile is text"},
};

/* Settings of Spark's that are cleave's, whoever writes them. */
static const struct bad settings[] = {
	{T("spark:\n  env: {SPARK_EXECUTOR_CORES: 1}\n"),
	 "2:9: spark.env: found \"SPARK_EXECUTOR_CORES\": an executor has an equal part of its slice's slots; spark.executors and spark.slots_per_cpu set it"},
	{T("spark:\n  conf: {spark.driver.bindAddress: 0.0.0.0}\n"),
	 "2:10: spark.conf: found \"spark.driver.bindAddress\": spark.master.address sets it"},
	{T("spark:\n  conf: {spark.executorEnv.SPARK_LOCAL_IP: 0.0.0.0}\n"),
	 "2:10: spark.conf: found \"spark.executorEnv.SPARK_LOCAL_IP\": spark.first_address and spark.master.address set it"},
};

static void check_bad(const struct bad *b)
{
	char wanted[ERR_TEXT];
	struct err e;

	snprintf(wanted, sizeof(wanted), "p.yaml:%s", b->message);
	ck_assert_msg(profile_parse(b->text, b->size, "p.yaml", &profile, &e) < 0, "\"%s\" is read",
		      b->text);
	ck_assert_msg(!strcmp(e.msg, wanted), "\"%s\":\n is     %s\n not    %s", b->text, e.msg,
		      wanted);
	ck_assert_int_eq(e.exit, ERR_WRONG);
	ck_assert_int_eq(e.code, -EINVAL);
}

START_TEST(each_says_what_is_wrong)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_bad(&bad[i]);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		check_bad(&settings[i]);
}
END_TEST

START_TEST(nothing_is_written_on_failure)
{
	static struct profile before;
	unsigned long long state = test_seed();

	values_random(&state, &profile);
	memcpy(&before, &profile, sizeof(before));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e;

		profile_parse(bad[i].text, bad[i].size, "p.yaml", &profile, &e);
		ck_assert_msg(!memcmp(&before, &profile, sizeof(before)), "\"%s\"", bad[i].text);
	}
}
END_TEST

/*
 * Every beginning of a profile with everything in it is read or refused with a place in the file.
 */
START_TEST(truncated)
{
	static struct profile all;
	cleanup_free char *text = NULL;
	unsigned long long state = test_seed();
	unsigned refused = 0;
	struct err e;

	values_random(&state, &all);
	ck_assert_int_eq(profile_emit(&all, &text, &e), 0);
	for (size_t size = 0; size < strlen(text); size++) {
		/* A copy of its very size, so that the sanitizer sees a read beyond it. */
		cleanup_free char *cut = malloc(size ? size : 1);

		memcpy(cut, text, size);
		if (!profile_parse(cut, size, "p.yaml", &profile, &e))
			continue;
		refused++;
		ck_assert_msg(!strncmp(e.msg, "p.yaml:", 7) && e.msg[7] >= '1' && e.msg[7] <= '9',
			      "%zu bytes: %s", size, e.msg);
	}
	ck_assert_uint_gt(refused, 0);
}
END_TEST

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/*
 * A file full of one thing is refused where it first goes wrong, not after all of it was taken in.
 */
START_TEST(full_of_one_thing)
{
	static const struct {
		const char *piece, *message;
	} full[] = {
		{"[", "p.yaml:1:1: found a sequence, allowed a mapping of keys"},
		{"{", "p.yaml:1:2: found a mapping as key, allowed are plain words"},
		{"? ", "p.yaml:1:3: found a mapping as key, allowed are plain words"},
		{"- ", "p.yaml:1:1: found a sequence, allowed a mapping of keys"},
		{"a", "p.yaml:1:1: found \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"..., "
		      "allowed a mapping of keys"},
		{"&a ", "p.yaml:1:1: found an anchor (&), allowed are none: write the value out"},
		{"a: [", "p.yaml:1:1: a: unknown key, allowed version, name, partition, workload, "
			 "memory, io, jvm, spark, rebalance, backend, docker, services, security, "
			 "metrics"},
	};
	cleanup_free char *text = malloc(PROFILE_TEXT_MAX);

	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		double begin = seconds();
		struct err e;

		for (size_t at = 0; at < PROFILE_TEXT_MAX; at++)
			text[at] = full[i].piece[at % strlen(full[i].piece)];
		ck_assert_int_lt(profile_parse(text, PROFILE_TEXT_MAX, "p.yaml", &profile, &e), 0);
		ck_assert_str_eq(e.msg, full[i].message);
		ck_assert_msg(seconds() - begin < 5, "\"%s\": %f s", full[i].piece,
			      seconds() - begin);
	}
}
END_TEST

static void check_parse(const char *text, const char *message)
{
	struct err e;

	ck_assert_int_lt(profile_parse(text, strlen(text), "p.yaml", &profile, &e), 0);
	ck_assert_str_eq(e.msg, message);
}

START_TEST(lists_that_are_too_long)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	fputs("io:\n", file);
	for (unsigned i = 0; i < PROFILE_IO + 1; i++)
		fprintf(file, "- device: 8:%u\n", i);
	fflush(file);
	check_parse(text, "p.yaml:18:3: io: found another item, allowed a sequence of at most 16 "
			  "mappings");
	rewind(file);
	fprintf(file,
		"spark:\n  conf:\n    spark.a: \"%04080d\"\n    spark.b: \"\"\n    spark.c: 1\n",
		0);
	fclose(file);
	check_parse(text, "p.yaml:4:5: spark.conf: all texts together may have at most 4096 bytes");
}
END_TEST

/* ---- files */

static void check_file(const char *name, const char *message)
{
	char path[512], wanted[ERR_TEXT];
	struct err e;

	snprintf(path, sizeof(path), "%s/%s", test_directory(), name);
	snprintf(wanted, sizeof(wanted), "%s: %s", path, message);
	ck_assert_int_lt(profile_load(path, &profile, &e), 0);
	ck_assert_str_eq(e.msg, wanted);
	ck_assert_int_eq(e.exit, ERR_WRONG);
}

START_TEST(a_file_that_is_not_there)
{
	check_file("none.yaml", "cannot be read: No such file or directory");
}
END_TEST

START_TEST(a_directory)
{
	check_file(".", "is a directory, allowed is a regular file");
}
END_TEST

/* With nobody at its other end: opened plainly, it would hang. */
START_TEST(a_pipe)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/pipe.yaml", test_directory());
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	check_file("pipe.yaml", "is a pipe, allowed is a regular file");
}
END_TEST

START_TEST(a_device)
{
	struct err e;

	ck_assert_int_lt(profile_load("/dev/zero", &profile, &e), 0);
	ck_assert_str_eq(e.msg, "/dev/zero: is a device, allowed is a regular file");
}
END_TEST

START_TEST(a_file_without_permission)
{
	uid_t user = geteuid();
	char path[512];

	snprintf(path, sizeof(path), "%s/secret.yaml", test_directory());
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0000));
	/* Root may read every file: be somebody else for a moment. */
	ck_assert_int_eq(seteuid(user ? user : 65534), 0);
	check_file("secret.yaml", "cannot be read: Permission denied");
	ck_assert_int_eq(seteuid(user), 0);
}
END_TEST

START_TEST(a_file_that_is_too_large)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/large.yaml", test_directory());
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, PROFILE_TEXT_MAX + 1), 0);
	close(fd);
	check_file("large.yaml", "is larger than 1048576 bytes: this is no profile");
}
END_TEST

TEST_MAIN("profiles: errors",
	  test_case("texts", each_says_what_is_wrong, nothing_is_written_on_failure, truncated,
		    full_of_one_thing, lists_that_are_too_long),
	  test_case("files", a_file_that_is_not_there, a_directory, a_pipe, a_device,
		    a_file_without_permission, a_file_that_is_too_large))
