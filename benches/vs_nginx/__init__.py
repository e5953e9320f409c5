"""Measures weir beside nginx. In reading order:

command     the options, and what runs in which order
programs    finds or builds what is compared; the machine's facts
workloads   the table of workloads and their bars, as data
origin      the server behind the proxies
proxies     the subjects: weir, nginx, nginx again, haproxy, floor
load        wrk, and what it reports
turns       CPU per request of several subjects whose loads run in turns
requests    a workload measured whole: turns, then each subject alone
latency     percentiles at a fixed rate
reloads     percentiles and losses while the configuration is reloaded
workers     two workers against one
idle_memory memory of idle connections
verdicts    ratio against bar and noise
report      the tables
chart       the SVG
"""
