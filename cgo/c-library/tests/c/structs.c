/* Structs by value, in each way in which the convention passes them. */
struct ints { int a, b; };
struct doubles { double x, y; };
struct mixed { double x; long n; };
struct large { long words[5]; double last; };
struct bytes { unsigned char b[3]; };

struct ints c_ints(struct ints s) { return (struct ints){s.b, s.a + 1}; }
struct doubles c_doubles(struct doubles s) { return (struct doubles){s.y, s.x * 2}; }
struct mixed c_mixed(struct mixed s) { return (struct mixed){(double)s.n, (long)s.x}; }
struct bytes c_bytes(struct bytes s) { return (struct bytes){{s.b[2], s.b[1], s.b[0]}}; }

struct large c_large(struct large s, int add) {
    for (int i = 0; i < 5; i++) s.words[i] += add;
    s.last = -s.last;
    return s;
}

/* And through a callback, which gets and gives each by value. */
struct large c_all(struct ints (*ints)(struct ints), struct doubles (*doubles)(struct doubles),
                   struct mixed (*mixed)(struct mixed), struct bytes (*bytes)(struct bytes),
                   struct large (*large)(struct large, int)) {
    struct ints i = ints((struct ints){1, 2});
    struct doubles d = doubles((struct doubles){3, 4});
    struct mixed m = mixed((struct mixed){5, 6});
    struct bytes b = bytes((struct bytes){{7, 8, 9}});
    struct large l = {{i.a, i.b, m.n, b.b[0] * 256 + b.b[2], (long)d.x}, d.y + m.x};
    return large(l, 1000);
}
