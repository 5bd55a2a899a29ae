# SPDX-License-Identifier: Apache-2.0
"""Seven queries over five tables, TPC-H-like: its shapes and shares, not its text, so no figure here is a TPC-H
result.

The tables are many copies of one block: its rows come of hashes of their numbers, the keys of block n are moved on by
n blocks. What is expected is computed in plain Python from the rows of one block, with the same hash, and multiplied.
Money is decimal.
"""
import datetime
import sys
import time
from collections import Counter, defaultdict

sys.dont_write_bytecode = True
import workload  # noqa: E402

# A block: 7500 orders with 1 to 7 items each, or fewer, so that small data still has ten blocks.
MOST_ORDERS, LEAST_ORDERS, LEAST_BLOCKS = 7500, 300, 10
ITEMS = 7
ORDER_BYTES = 4 * 104 + 76         # of its items, itself, and its share of the other tables
DAY_0 = datetime.date(1992, 1, 1)
DAYS = 2406
SEGMENTS = ["AUTO", "HOME", "FOOD", "TOOL", "BOOK"]
PRIORITIES = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-LOW", "5-NONE"]
NATIONS, BRANDS = 25, 25


def day(text):
    return (datetime.date.fromisoformat(text) - DAY_0).days


CUTOFF = day("1995-06-17")


# ---- the hash, in SQL and in Python

MASK = (1 << 64) - 1
PRIME_1, PRIME_2, PRIME_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
PRIME_4, PRIME_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotate(value, bits):
    return ((value << bits) | (value >> (64 - bits))) & MASK


def xxhash64(value, seed=42):
    """Spark's xxhash64() of one long. Of several: the hash of one is the seed of the next."""
    mixed = ((seed + PRIME_5 + 8) ^ (rotate((value * PRIME_2) & MASK, 31) * PRIME_1)) & MASK
    mixed = (rotate(mixed, 27) * PRIME_1 + PRIME_4) & MASK
    mixed = ((mixed ^ (mixed >> 33)) * PRIME_2) & MASK
    mixed = ((mixed ^ (mixed >> 29)) * PRIME_3) & MASK
    return mixed ^ (mixed >> 32)


class Chances:
    """Columns of chance: sql(C, N), of the column `local`, and of(C, N)(local) are the same number below N."""

    def __init__(self, seed):
        self.base = seed * 1000

    def sql(self, column, below):
        return f"pmod(xxhash64({self.base + column}L, local), {below})"

    def of(self, column, below):
        seed = xxhash64(self.base + column)

        def number(local):
            value = xxhash64(local, seed)
            return (value - (1 << 64) if value >> 63 else value) % below
        return number


class Block:
    """How many rows one block has of each table."""

    def __init__(self, orders):
        self.orders = orders
        self.customers, self.parts, self.suppliers = orders // 10, orders // 6, orders // 100


# ---- the tables

def table(spark, rows, blocks, files):
    """`local`, the number of the row in its block, and `block`."""
    return spark.range(0, rows * blocks, 1, files).selectExpr("id", f"id % {rows} as local", f"id div {rows} as block")


def word(words, chance):
    return f"element_at(array({', '.join(repr(w) for w in words)}), cast({chance} as int) + 1)"


def write_tables(spark, path, block, blocks, chances, files):
    chance = chances.sql
    some = max(1, files // 8)

    def write(name, frame):
        workload.write_parquet(frame, f"{path}/{name}")
    write("customer", table(spark, block.customers, blocks, some).selectExpr(
        "id as c_custkey", "concat('Customer#', lpad(id, 12, '0')) as c_name",
        f"cast({chance(1, NATIONS)} as int) as c_nation", f"{word(SEGMENTS, chance(2, len(SEGMENTS)))} as c_segment"))
    write("part", table(spark, block.parts, blocks, some).selectExpr(
        "id as p_partkey", "md5(cast(id as string)) as p_name", f"cast({chance(3, BRANDS)} as int) as p_brand",
        f"cast(1 + {chance(4, 50)} as int) as p_size"))
    write("supplier", table(spark, block.suppliers, blocks, some).selectExpr(
        "id as s_suppkey", "concat('Supplier#', lpad(id, 12, '0')) as s_name",
        f"cast({chance(5, NATIONS)} as int) as s_nation"))
    first_day = f"date'{DAY_0}'"
    write("orders", table(spark, block.orders, blocks, files).selectExpr(
        "id as o_orderkey", f"block * {block.customers} + {chance(6, block.customers)} as o_custkey",
        f"date_add({first_day}, cast({chance(7, DAYS)} as int)) as o_date",
        f"{word(PRIORITIES, chance(8, len(PRIORITIES)))} as o_priority", "md5(cast(id as string)) as o_comment"))
    # Seven candidates an order, of which the first few are taken; chance is first the order's, then the item's.
    items = table(spark, block.orders * ITEMS, blocks, files) \
        .selectExpr("id", "block", "local as item", f"local div {ITEMS} as local") \
        .selectExpr("*", f"{chance(9, ITEMS)} as last", f"cast({chance(7, DAYS)} as int) as day") \
        .where(f"item % {ITEMS} <= last").selectExpr("id", "block", "local as order_", "day", "item as local") \
        .selectExpr("*", f"cast(1 + {chance(10, 50)} as int) as quantity",
                    f"day + cast(1 + {chance(11, 121)} as int) as ship") \
        .selectExpr("*", f"ship + cast(1 + {chance(12, 30)} as int) as receipt")
    write("lineitem", items.selectExpr(
        f"block * {block.orders} + order_ as l_orderkey",
        f"block * {block.parts} + {chance(13, block.parts)} as l_partkey",
        f"block * {block.suppliers} + {chance(14, block.suppliers)} as l_suppkey",
        f"cast(1 + local % {ITEMS} as int) as l_number", "quantity as l_quantity",
        f"cast(quantity * (1000 + {chance(15, 9000)}) * 0.01 as decimal(12, 2)) as l_price",
        f"cast({chance(16, 11)} * 0.01 as decimal(3, 2)) as l_discount",
        f"if(receipt > {CUTOFF}, 'N', if({chance(17, 2)} = 0, 'A', 'R')) as l_flag",
        f"if(ship > {CUTOFF}, 'O', 'F') as l_status", f"date_add({first_day}, ship) as l_ship",
        f"date_add({first_day}, day + cast(30 + {chance(18, 61)} as int)) as l_commit",
        f"date_add({first_day}, receipt) as l_receipt", "md5(cast(id as string)) as l_comment"))


# ---- the queries

QUERIES = {
    "pricing":
"""
        select l_flag, l_status, count(*), sum(l_quantity), sum(l_price), sum(l_price * (1 - l_discount))
        from lineitem where l_ship <= date'1998-09-02' group by l_flag, l_status order by l_flag, l_status""",
    "forecast":
"""
        select sum(l_price * l_discount) from lineitem
        where l_ship >= date'1994-01-01' and l_ship < date'1995-01-01' and l_discount between 0.05 and 0.07
        and l_quantity < 24""",
    "shipping":
"""
        select l_orderkey, sum(l_price * (1 - l_discount)) as revenue, o_date
        from customer join orders on c_custkey = o_custkey join lineitem on l_orderkey = o_orderkey
        where c_segment = 'BOOK' and o_date < date'1995-03-15' and l_ship > date'1995-03-15'
        group by l_orderkey, o_date order by revenue desc, l_orderkey limit 10""",
    "late":
"""
        select o_priority, count(*) from orders left semi join
        (select l_orderkey from lineitem where l_commit < l_receipt) on l_orderkey = o_orderkey
        where o_date >= date'1993-07-01' and o_date < date'1994-07-01' group by o_priority order by o_priority""",
    "volume":
"""
        select c_nation, year(l_ship) as year, sum(l_price * (1 - l_discount)), count(*)
        from customer join orders on c_custkey = o_custkey join lineitem on l_orderkey = o_orderkey
        join supplier on l_suppkey = s_suppkey join part on l_partkey = p_partkey
        where s_nation < 5 and p_brand < 5 and c_nation < 5 group by c_nation, year order by c_nation, year""",
    "return":
"""
        select number, count(*), sum(datediff(o_date, before)) from (
            select o_date, row_number() over (partition by o_custkey order by o_date, o_orderkey) as number,
            lag(o_date) over (partition by o_custkey order by o_date, o_orderkey) as before from orders)
        where number between 2 and 6 group by number order by number""",
    "breadth":
"""
        select p_brand, count(distinct l_suppkey), count(distinct l_orderkey)
        from lineitem join part on l_partkey = p_partkey group by p_brand order by p_brand""",
}


# ---- what is expected, in plain Python

class Rows:
    """The rows of one block. Days count from DAY_0, prices are cents, discounts per cent."""

    def __init__(self, block, chances):
        def column(number, below, rows):
            of = chances.of(number, below)
            return [of(local) for local in range(rows)]
        self.c_nation = column(1, NATIONS, block.customers)
        self.c_segment = column(2, len(SEGMENTS), block.customers)
        self.p_brand = column(3, BRANDS, block.parts)
        self.s_nation = column(5, NATIONS, block.suppliers)
        self.o_custkey = column(6, block.customers, block.orders)
        self.o_date = column(7, DAYS, block.orders)
        self.o_priority = column(8, len(PRIORITIES), block.orders)
        last = column(9, ITEMS, block.orders)
        of = {"quantity": chances.of(10, 50), "ship": chances.of(11, 121), "receipt": chances.of(12, 30),
              "part": chances.of(13, block.parts), "supplier": chances.of(14, block.suppliers),
              "price": chances.of(15, 9000), "discount": chances.of(16, 11), "returned": chances.of(17, 2),
              "commit": chances.of(18, 61)}
        self.items = [self.item(order * ITEMS + number, order, of)
                      for order in range(block.orders) for number in range(last[order] + 1)]

    def item(self, local, order, of):
        quantity = 1 + of["quantity"](local)
        ship = self.o_date[order] + 1 + of["ship"](local)
        receipt = ship + 1 + of["receipt"](local)
        price, discount = quantity * (1000 + of["price"](local)), of["discount"](local)
        return {"order": order, "part": of["part"](local), "supplier": of["supplier"](local), "quantity": quantity,
                "price": price, "discount": discount, "net": price * (100 - discount), "ship": ship, "receipt": receipt,
                "commit": self.o_date[order] + 30 + of["commit"](local),
                "flag": "N" if receipt > CUTOFF else "AR"[of["returned"](local)], "status": "FO"[ship > CUTOFF]}


def money(amount, digits):
    """As SQL writes a decimal."""
    return f"{amount // 10 ** digits}.{amount % 10 ** digits:0{digits}}"


def pricing(rows, _, blocks):
    groups = defaultdict(Counter)
    for item in rows.items:
        if item["ship"] <= day("1998-09-02"):
            group = groups[item["flag"], item["status"]]
            group.update(count=1, quantity=item["quantity"], price=item["price"], net=item["net"])
    return [[*key, blocks * g["count"], blocks * g["quantity"], money(blocks * g["price"], 2),
             money(blocks * g["net"], 4)] for key, g in sorted(groups.items())]


def forecast(rows, _, blocks):
    first, end = day("1994-01-01"), day("1995-01-01")
    saved = [item["price"] * item["discount"] for item in rows.items
             if first <= item["ship"] < end and 5 <= item["discount"] <= 7 and item["quantity"] < 24]
    return [[money(blocks * sum(saved), 4) if saved else None]]


def shipping(rows, block, blocks):
    revenue = Counter()
    limit = day("1995-03-15")
    for item in rows.items:
        order = item["order"]
        if SEGMENTS[rows.c_segment[rows.o_custkey[order]]] == "BOOK" and rows.o_date[order] < limit < item["ship"]:
            revenue[order] += item["net"]
    best = sorted((-net, number * block.orders + order, order) for order, net in revenue.items()
                  for number in range(min(blocks, 10)))[:10]
    return [[key, money(-net, 4), DAY_0 + datetime.timedelta(rows.o_date[order])] for net, key, order in best]


def late(rows, _, blocks):
    orders = {item["order"] for item in rows.items if item["commit"] < item["receipt"]}
    groups = Counter(PRIORITIES[rows.o_priority[order]] for order in orders
                     if day("1993-07-01") <= rows.o_date[order] < day("1994-07-01"))
    return [[priority, blocks * count] for priority, count in sorted(groups.items())]


def volume(rows, _, blocks):
    groups = defaultdict(Counter)
    for item in rows.items:
        nation = rows.c_nation[rows.o_custkey[item["order"]]]
        if rows.s_nation[item["supplier"]] < 5 and rows.p_brand[item["part"]] < 5 and nation < 5:
            year = (DAY_0 + datetime.timedelta(item["ship"])).year
            groups[nation, year].update(net=item["net"], count=1)
    return [[*key, money(blocks * g["net"], 4), blocks * g["count"]] for key, g in sorted(groups.items())]


def returning(rows, _, blocks):
    dates = defaultdict(list)
    for order, customer in enumerate(rows.o_custkey):
        dates[customer].append(rows.o_date[order])
    groups = defaultdict(Counter)
    for of_one in dates.values():
        of_one.sort()
        for number in range(2, min(6, len(of_one)) + 1):
            groups[number].update(count=1, gap=of_one[number - 1] - of_one[number - 2])
    return [[number, blocks * g["count"], blocks * g["gap"]] for number, g in sorted(groups.items())]


def breadth(rows, _, blocks):
    suppliers, orders = defaultdict(set), defaultdict(set)
    for item in rows.items:
        brand = rows.p_brand[item["part"]]
        suppliers[brand].add(item["supplier"])
        orders[brand].add(item["order"])
    return [[brand, blocks * len(suppliers[brand]), blocks * len(orders[brand])] for brand in sorted(suppliers)]


ANSWERS = {"pricing": pricing, "forecast": forecast, "shipping": shipping, "late": late, "volume": volume,
           "return": returning, "breadth": breadth}


def as_text(rows):
    return [[None if value is None else str(value) for value in row] for row in rows]


def make(spark, path, size, seed):
    orders = min(max(size // LEAST_BLOCKS // ORDER_BYTES, LEAST_ORDERS), MOST_ORDERS)
    blocks = max(1, round(size / (orders * ORDER_BYTES)))
    block, chances = Block(orders), Chances(seed)
    write_tables(spark, path, block, blocks, chances, workload.file_count(size))
    rows = Rows(block, chances)
    return {"blocks": blocks, "orders": blocks * orders, "lineitems": blocks * len(rows.items)}, {
        "answers": {name: as_text(answer(rows, block, blocks)) for name, answer in ANSWERS.items()}}


def run(spark, tables, _, __):
    names = ("customer", "orders", "lineitem", "part", "supplier")
    answers, seconds = {}, {}
    begin = time.monotonic()
    for name in names:
        spark.read.parquet(f"{tables}/{name}").createOrReplaceTempView(name)
    for name, query in QUERIES.items():
        query_begin = time.monotonic()
        answers[name] = as_text(spark.sql(query).collect())
        seconds[name] = round(time.monotonic() - query_begin, 3)
    total = time.monotonic() - begin
    for name in names:
        spark.catalog.dropTempView(name)
    return workload.Outcome(total, {"seconds": seconds}, {"answers": answers})


WORKLOAD = workload.Workload("sql", "sql", make, run, ("answers",))

if __name__ == "__main__":
    sys.exit(workload.main(WORKLOAD))
