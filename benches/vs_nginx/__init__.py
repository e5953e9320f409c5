"""Measures weir beside nginx. In reading order:

command     the options, and what runs in which order
programs    finds or builds what is compared; the machine's facts
workloads   the table of workloads and their bars, as data
certificates  what TLS is spoken with
origin      the server behind the proxies
cores       which core runs what
proxies     the subjects: weir, nginx, nginx again, haproxy, floor
probe       a workload's request, sent once
load        a program that sends requests, stopped and continued
wrk, h2load, ab  those programs, and what they report
generators  which of them loads a workload
handshakes  proof that handshakes were full, or resumed
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
