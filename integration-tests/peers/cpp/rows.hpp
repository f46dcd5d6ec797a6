// The rows of this program; README.md one folder up has the loop of each.
#pragma once
double switches();
double yields();
double spawn_join();
double spawn_1000();
double channel();
double buffered();
