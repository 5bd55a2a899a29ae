# SPDX-License-Identifier: Apache-2.0
"""WordCount by DataFrames, and the text that it shares with grep and their RDD forms.

The text is like BigDataBench's: Zipf's law over a vocabulary of 262143 words, a seed away from another one. Zipf's
law with exponent 1 gives each octave of ranks (1, 2-3, 4-7, ...) the same share of the text; here each line has one
word of each octave, and within an octave the words take turns. So every count is a division, whatever the size.
"""
import os
import re
import sys
import time
import zlib
from collections import Counter

sys.dont_write_bytecode = True
import workload  # noqa: E402

OCTAVES = 18
CONSONANTS, VOWELS = "bcdfghjklmnpqrstvwxz", "aeiou"
# Of every 100 lines one ends in this word, which syllables do not make: grep's needle.
PLANTED, PLANTED_EVERY = "sky", 100
# A whole word. Java, Python and `grep -E` understand it alike.
PATTERN = "(^|[^a-z]){}([^a-z]|$)"
CHUNK = 16 * workload.MIB


class Vocabulary:
    """Words of syllables, the frequent ones short: rank 1 … 99 has one, up to 9999 two, then three."""

    def __init__(self, seed):
        dice = workload.dice(seed)
        self.syllables = [c + v for c in CONSONANTS for v in VOWELS]
        dice.shuffle(self.syllables)
        # In an octave of 2^k words, line n has word (turn × n) mod 2^k: turn is odd, so that each has its turn.
        self.turns = [dice.randrange(1, max(2, 1 << octave), 2) for octave in range(OCTAVES)]
        self.order = dice.sample(range(OCTAVES), OCTAVES)

    def word(self, rank):
        digits = [rank // 10000, rank // 100 % 100, rank % 100][-1 if rank < 100 else -2 if rank < 10000 else 0:]
        return "".join(self.syllables[digit] for digit in digits)

    def sql_word(self, octave):
        """The word of this octave in the line `id`."""
        mask = (1 << octave) - 1
        rank = f"({1 << octave} + (((id & {mask}) * {self.turns[octave]}) & {mask}))"

        syllables = ", ".join(f"'{syllable}'" for syllable in self.syllables)

        def syllable(digit):
            return f"element_at(array({syllables}), cast({digit} as int) + 1)"
        one, two, three = syllable(f"({rank} % 100)"), syllable(f"({rank} div 100 % 100)"), syllable(f"({rank} div 10000)")
        return f"concat(if({rank} < 10000, '', {three}), if({rank} < 100, '', {two}), {one})"

    def counts(self, lines):
        """How often each word is in so many lines: (word, count), without those that are not."""
        for octave in range(OCTAVES):
            words = 1 << octave
            rounds, rest = divmod(lines, words)
            for turn in range(words if rounds else rest):
                yield self.word(words + self.turns[octave] * turn % words), rounds + (turn < rest)
        planted = lines // PLANTED_EVERY
        if planted:
            yield PLANTED, planted

    def line_bytes(self):
        """Of the mean line."""
        lengths = [sum(len(self.word(rank)) for rank in range(1 << o, 2 << o)) / (1 << o) for o in range(OCTAVES)]
        return sum(lengths) + OCTAVES + (len(PLANTED) + 1) / PLANTED_EVERY


def expect(counts, matches):
    """`counts`: (word, count). The checksum is that of the lines that a word count writes."""
    words = distinct = checksum = 0
    for word, count in counts:
        words += count
        distinct += 1
        checksum += zlib.crc32(f"{count}\t{word}".encode())
    return {"words": words, "distinct": distinct, "checksum": checksum, "lines": matches}


def make(spark, path, size, seed):
    vocabulary = Vocabulary(seed)
    lines = round(size / vocabulary.line_bytes())
    words = ", ".join(vocabulary.sql_word(octave) for octave in vocabulary.order)
    rows = spark.range(0, lines, 1, workload.file_count(size)) \
        .selectExpr("id", f"array({words}) as words", f"cast(pmod(xxhash64(id), {OCTAVES}) as int) as first") \
        .selectExpr("id", f"concat_ws(' ', slice(words, first + 1, {OCTAVES}), slice(words, 1, first)) as line") \
        .selectExpr(f"if(id % {PLANTED_EVERY} = {PLANTED_EVERY - 1}, concat(line, ' {PLANTED}'), line)")
    rows.write.text(workload.uri(path))
    return {"pattern": PATTERN.format(PLANTED)}, expect(vocabulary.counts(lines), lines // PLANTED_EVERY)


# ---- real text

def text_files(text):
    if os.path.isfile(text):
        return [text]
    return sorted(f"{where}/{name}" for where, _, names in os.walk(text) for name in names
                  if os.path.isfile(f"{where}/{name}"))


def chunks_of(text, size):
    """(file, offset, length), each to the end of a line: a fiftieth of the size at most, if the lines allow."""
    chunks = []
    most = min(CHUNK, size // 50)
    for name in text_files(text):
        with open(name, "rb") as file:
            end = os.fstat(file.fileno()).st_size
            while (begin := file.tell()) < end:
                file.seek(min(begin + most, end) - 1)
                file.readline()
                chunks.append((name, begin, file.tell() - begin))
    return chunks


def copy_chunks(spark, chunks, count, path, files):
    """So many chunks, from the start again when there are no more, spread over the files."""
    def copy(number):
        with open(f"{path}/.{number}-{os.getpid()}", "wb") as output:
            for chunk in range(count * number // files, count * (number + 1) // files):
                name, begin, length = chunks[chunk % len(chunks)]
                with open(name, "rb") as file:
                    file.seek(begin)
                    text = file.read(length)
                output.write(text if text.endswith(b"\n") else text + b"\n")
        os.rename(output.name, f"{path}/part-{number:05}")      # a task may run twice
    os.makedirs(path)
    spark.sparkContext.parallelize(range(files), files).foreach(copy)


def count_chunk(chunk, pattern):
    """Words and matching lines, in plain Python. Bytes outside ASCII are no letters; lines end as they do in Hadoop."""
    name, begin, length = chunk
    with open(name, "rb") as file:
        file.seek(begin)
        text = file.read(length).decode("latin-1")
    matches = sum(1 for line in re.split("\r\n|\r|\n", text) if pattern.search(line))
    return Counter(word.lower() for word in re.findall("[A-Za-z]+", text)), matches


def make_from_text(spark, path, size, text):
    with workload.said(f"read {text}"):
        chunks = chunks_of(text, size)
    if not chunks:
        raise workload.Wrong(f"--text {text}: there is no text")
    count = total = 0
    while total < size:
        total += chunks[count % len(chunks)][2]
        count += 1
    rounds, rest = divmod(count, len(chunks))
    words, matches = Counter(), 0
    pattern = re.compile(PATTERN.format("the"))
    for number, chunk in enumerate(chunks[:count]):
        times = rounds + (number < rest)
        found, lines = count_chunk(chunk, pattern)
        words.update({word: n * times for word, n in found.items()})
        matches += lines * times
    copy_chunks(spark, chunks, count, path, workload.file_count(size))
    return {"pattern": pattern.pattern}, expect(words.items(), matches)


# ---- the work

def judge(spark, seconds, written):
    """What is in the lines that a word count has written."""
    words, distinct, checksum = spark.read.text(written).selectExpr(
        "coalesce(sum(cast(split(value, '\t')[0] as bigint)), 0)", "count(*)",
        "coalesce(sum(crc32(cast(value as binary))), 0)").first()
    return workload.Outcome(seconds, {"words": words, "distinct": distinct, "checksum": checksum})


def run(spark, text, scratch, _):
    from pyspark.sql import functions as f
    begin = time.monotonic()
    # Split first, then lower case: the lower case of some letters outside ASCII lies inside.
    words = spark.read.text(text).select(f.explode(f.split("value", "[^A-Za-z]+")).alias("word")).where("word != ''")
    counts = words.groupBy(f.lower("word").alias("word")).count().select(f.concat_ws("\t", "count", "word"))
    counts.write.text(f"{scratch}/counts")
    return judge(spark, time.monotonic() - begin, f"{scratch}/counts")


CHECKED = ("words", "distinct", "checksum")
WORKLOAD = workload.Workload("wordcount", "text", make, run, CHECKED, make_from_text)

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
