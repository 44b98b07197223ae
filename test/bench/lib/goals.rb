# SPDX-License-Identifier: BSD-3-Clause
# What is measured, and what is to be reached.

# goal: :ratio (Tandem's by Kamailio's, at most), :most or :least (Tandem's own number); nil: only for information.
Row = Struct.new(:id, :title, :unit, :goal, :at_least, :aim, keyword_init: true) do
  # Of the two medians; nil: it cannot be told.
  def reached(tandem, kamailio, limit)
    case goal
    when :ratio then tandem && kamailio && kamailio.positive? && tandem / kamailio.to_f <= limit
    when :most then tandem && tandem <= limit
    when :least then tandem && tandem >= limit
    end
  end

  # How much of the limit is used: 1 is the goal's line, less is better.
  def share(tandem, kamailio, limit)
    case goal
    when :ratio then tandem / kamailio.to_f / limit
    when :most then limit.zero? ? (tandem.zero? ? 0 : 10) : tandem / limit.to_f
    when :least then tandem.zero? ? 10 : limit / tandem.to_f
    end
  end

  def limit_text(limit)
    return "" unless limit
    number = number(limit)
    { ratio: "#{number} x", most: "<= #{number}", least: ">= #{number}" }.fetch(goal)
  end

  def number(value)
    return "" unless value
    value.abs >= 1000 ? value.round.to_s.reverse.scan(/\d{1,3}/).join(" ").reverse : format(value == value.to_i ? "%d" : "%.3g", value)
  end
end

THIRD = 0.333
ROWS = [
  ["options_cpu", "OPTIONS answered, CPU each", "us", :ratio, 0.5, THIRD],
  ["options_rate", "OPTIONS answered", "/s"],
  ["refresh_cpu", "REGISTER with a known nonce, stored, CPU each", "us", :ratio, 0.5, THIRD],
  ["refresh_rate", "REGISTER with a known nonce, stored", "/s"],
  ["register_cpu", "REGISTER: 401, then 200, stored, CPU each", "us", :ratio, 0.5, THIRD],
  ["register_rate", "REGISTER: 401, then 200, stored", "/s"],
  ["call_cpu", "call (407, 180, 200, BYE), CPU each", "us", :ratio, 0.5, 0.25],
  ["call_rate", "calls begun and ended", "/s"],
  ["register_tcp_cpu", "TCP: REGISTER: 401, then 200, CPU each", "us"],
  ["register_tcp_rate", "TCP: REGISTER: 401, then 200", "/s"],
  ["call_tcp_cpu", "TCP: call, CPU each", "us"],
  ["call_tcp_rate", "TCP: calls begun and ended", "/s"],
  ["binding_bytes", "memory for a binding, %<bindings>s of them", "B", :most, 500, 300],
  ["call_bytes", "memory for an established call of %<held>s, both legs", "B", :most, 8192, 4096],
  ["call_new_bytes", "  the same just after they were set up", "B"],
  ["keepalive_core", "%<kept>s bindings kept alive through NATs, of a core", "%", :most, 2, 2],
  ["keepalive_rate", "  datagrams that arrive there", "/s"],
  ["tls_phone_bytes", "memory for a phone registered over TLS, %<tls_phones>s of them", "B"],
  ["tls_phone_cpu", "  its handshake and REGISTER, CPU each", "us"],
  ["idle_mb", "idle process", "MB", :most, 30, 15],
  ["few_rate", "REGISTER with %<few>s bindings", "/s"],
  ["many_rate", "REGISTER with %<many>s bindings", "/s"],
  ["many_share", "throughput at %<many>s bindings by that at %<few>s", "", :least, 0.9, 1.0],
  ["startup_s", "start-up with %<many>s bindings until called", "s", :most, 5, 1],
  ["ring_p50", "INVITE to 180, half of the capacity, p50", "us"],
  ["ring_p99", "INVITE to 180, p99", "us", :ratio, 1.0, 0.5],
  ["ring_max", "INVITE to 180, longest", "us"],
  ["answer_p50", "INVITE to 200, p50", "us"],
  ["answer_p99", "INVITE to 200, p99", "us", :ratio, 1.0, 0.5],
  ["answer_max", "INVITE to 200, longest", "us"],
  ["inversions", "200 before 180 in %<calls>s calls, 2 workers", "", :most, 0, 0],
  ["overload_goodput", "overload: calls at twice the peak, by the peak", "", :least, 0.9, 1.0],
  ["overload_told", "overload: 503 with Retry-After, of those that failed", "", :least, 0.9, 1.0],
  ["overload_byes", "overload: BYE that failed", "", :most, 0, 0],
  ["flood_invite", "calls answered in 1 s while another floods INVITE", "", :least, 0.99, 1.0],
  ["flood_invite_p99", "  their p99", "us"],
  ["flood_register", "calls answered in 1 s while another floods REGISTER", "", :least, 0.99, 1.0],
  ["flood_register_p99", "  their p99", "us"],
  ["register_1w_cpu", "1 worker: REGISTER: 401, then 200, CPU each", "us"],
  ["register_1w_rate", "1 worker: REGISTER: 401, then 200", "/s"],
  ["register_2w_cpu", "2 workers: REGISTER: 401, then 200, CPU each", "us"],
  ["register_2w_rate", "2 workers: REGISTER: 401, then 200", "/s"],
  ["call_1w_cpu", "1 worker: call, CPU each", "us"],
  ["call_1w_rate", "1 worker: calls begun and ended", "/s"],
  ["call_2w_cpu", "2 workers: call, CPU each", "us"],
  ["call_2w_rate", "2 workers: calls begun and ended", "/s"],
  ["dialplan_warm", "calls through Ruby, warm sandboxes, a core", "/s", :least, 2000, 4000],
  ["dialplan_fresh", "calls through Ruby, each a new customer, a core", "/s", :least, 500, 800],
  ["provider_bytes", "memory for a provider that is kept registered, of %<providers>s", "B"],
  ["provider_cpu", "refreshing a registration at a provider, CPU each", "us"],
  ["provider_rate", "  that was done", "/s"],
  ["provider_failing", "  registrations that failed meanwhile", "", :most, 0, 0],
].map { |id, title, unit, goal, at_least, aim| Row.new(id:, title:, unit:, goal:, at_least:, aim:) }.freeze
