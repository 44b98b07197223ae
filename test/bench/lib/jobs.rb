# SPDX-License-Identifier: BSD-3-Clause
# What is done to the servers. A job is a method that takes the servers' names in the order of this round and adds to
# rows of goals.rb. Whoever adds one names it in ALL.

class Jobs
  # In the order in which they run: name => share of the rounds; :itself: the job makes its rounds.
  ALL = { "basic" => 1.0, "tcp" => 0.6, "idle" => 1.0, "memory" => 0.4, "held" => 0.2, "tls" => 0.2, "keepalive" => 0.2, "many" => :itself,
          "latency" => 1.0, "inversions" => :itself, "overload" => 0.4, "flood" => 0.4, "workers" => 0.4, "dialplan" => 1.0, "providers" => 0.4 }.freeze

  WITH_FM = %w[basic latency].freeze
  BASIC = %w[options refresh register call].freeze
  SETTLE_S = 34 # after the last transaction ends (timer L, 32 s)

  def initialize(results, options)
    @results = results
    @o = options
  end

  def rounds(name) = ALL.fetch(name) == :itself ? 1 : [(@o[:rounds] * ALL.fetch(name)).round, 1].max

  def run
    @o[:jobs].each do |name|
      rounds(name).times do |round|
        send(name, servers(name).rotate(round))
        progress(name, round)
      end
    end
  end

  private

  def servers(job) = WITH_FM.include?(job) ? @o[:servers] : @o[:servers] - ["kamailio-fm"]

  def progress(name, round)
    warn format("%s  %s, round %d of %d", Time.now.utc.strftime("%H:%M:%S"), name, round + 1, rounds(name))
  end

  # Whatever fails in here is told in these rows; the others go on.
  def attempt(server, *rows)
    yield
  rescue StandardError => e
    warn "  #{server}: #{e.message.lines.first(3).join.strip}"
    rows.each { |r| @results.fault(r, server, e.message) }
  end

  def with_server(name, rows, **options)
    attempt(name, *rows) { SERVERS.fetch(name).with(**options) { |server| yield server } }
  end

  def add(row, server, value, load_argv, detail = nil)
    @results.add(row, server.name, value, argv: { server: server.argv, load: load_argv }, detail: detail)
  end

  # The quietest of up to three attempts: somebody else's work on our processors is not what is measured.
  def quietly(server, **options)
    best = nil
    3.times do
      r = Load.new(server, **options).run
      best = r if best.nil? || r.others < best.others
      break if best.others < @o[:others]
    end
    best
  end

  # Closed loop: throughput, and what each operation cost.
  def throughput(server, prefix, **options)
    rows = ["#{prefix}_cpu", "#{prefix}_rate"].select { |id| ROWS.any? { |r| r.id == id } }
    attempt(server.name, *rows) do
      r = quietly(server, users: @o[:users], at_once: @o[:at_once], seconds: @o[:seconds], **options)
      values = { "_cpu" => r.cpu_us.round(2), "_rate" => r.per_second.round(1) }
      rows.each { |row| add(row, server, values.fetch(row[/_[a-z]+\z/]), r.argvs, r.summary) }
      @results.conditions("#{prefix} (#{server.name})", r)
    end
  end

  def basic(servers)
    servers.each do |name|
      with_server(name, BASIC.flat_map { |m| ["#{m}_cpu", "#{m}_rate"] }, users: @o[:users]) do |server|
        BASIC.each { |mode| throughput(server, mode, mode: mode) }
      end
    end
  end

  # A server for each: the ports of connections cannot be had again at once, and every load's bindings would stay.
  def tcp(servers)
    servers.product(%w[register call]).each do |name, mode|
      with_server(name, ["#{mode}_tcp_cpu"], users: @o[:users]) { |server| throughput(server, "#{mode}_tcp", mode: mode, tcp: true) }
    end
  end

  # ---- memory ----

  def idle(servers)
    servers.each do |name|
      with_server(name, ["idle_mb"], users: 0) do |server|
        sleep 1
        add("idle_mb", server, (server.memory_bytes / 1e6).round(1), nil)
      end
    end
  end

  # What N bindings add to a server that knows the N accounts.
  def memory(servers)
    n = @o[:bindings]
    servers.each do |name|
      with_server(name, ["binding_bytes"], users: n) do |server|
        before = server.memory_bytes
        r = register_all(server, n)
        sleep 1
        after = server.memory_bytes
        add("binding_bytes", server, ((after - before) / n.to_f).round(1), r.argvs, { n: n, before: before, after: after })
      end
    end
  end

  def register_all(server, users)
    r = Load.new(server, mode: "register", users: users, at_once: @o[:at_once], count: users, persist: true).run
    raise Failed, "#{r[:failed]} of #{users} registrations failed" if r[:failed].positive?
    r
  end

  # What N established calls add to a server that knows the 2N phones. A proxy remembers none.
  def held(servers)
    n = @o[:held]
    rows = %w[call_bytes call_new_bytes]
    servers.include?("tandem") && with_server("tandem", rows, users: 2 * n) do |server|
      register_all(server, 2 * n)
      before = server.memory_bytes
      fresh = settled = nil
      load = Load.new(server, mode: "call", users: 2 * n, count: n, at_once: @o[:at_once], hold: true, registered: true, processes: 1)
      r = load.run do
        fresh = server.memory_bytes
        sleep @o[:settle]
        settled = server.memory_bytes
      end
      raise Failed, "only #{r[:done]} of #{n} calls stood until they were hung up" if r[:done] < n
      detail = { n: n, before: before, fresh: fresh, settled: settled, settled_s: @o[:settle], after: server.memory_bytes }
      add("call_bytes", server, ((settled - before) / n.to_f).round, r.argvs, detail)
      add("call_new_bytes", server, ((fresh - before) / n.to_f).round, r.argvs, detail)
    end
  end

  # Phones that are registered over TLS and say nothing more: what each adds to the server.
  # ---- keep-alives ----

  # Phones behind a NAT that say nothing any more: what reaching them costs.
  def keepalive(servers)
    return unless servers.include?("tandem")
    n = @o[:kept]
    with_server("tandem", %w[keepalive_core keepalive_rate], users: n) do |server|
      port = free_port
      load = Load.new(server, mode: "register", users: n, at_once: @o[:at_once], count: n, persist: true, processes: 1,
                              elsewhere: "192.168.1.5", port: port, sockets: Load::SOCKETS)
      r = load.run
      raise Failed, "#{r[:failed]} of #{n} registrations failed" if r[:failed].positive?
      sinks = Array.new(Load::SOCKETS) { |i| Sink.new(port + i) }
      sleep 30 # the first round is over
      arrived = sinks.sum(&:count)
      cpu, at = server.cpu_seconds, monotonic_us
      sleep 50
      cpu, seconds = server.cpu_seconds - cpu, (monotonic_us - at) / 1e6
      detail = { n: n, seconds: seconds, cpu: cpu }
      add("keepalive_core", server, (100 * cpu / seconds).round(2), load.argvs, detail)
      add("keepalive_rate", server, ((sinks.sum(&:count) - arrived) / seconds).round, load.argvs, detail)
    ensure
      sinks&.each(&:close)
    end
  end

  class Sink
    attr_reader :count

    def initialize(port)
      @count, @socket = 0, UDPSocket.new
      @socket.bind("127.0.0.1", port)
      @thread = Thread.new { loop { @socket.recv(64) && @count += 1 } }
      @thread.report_on_exception = false
    end

    def close
      @thread.kill
      @socket.close
    end
  end

  def tls(servers)
    return unless servers.include?("tandem")
    n = @o[:tls_phones]
    attempt("tandem", "tls_phone_bytes", "tls_phone_cpu") do
      TandemTls.with(users: n) do |server|
        sleep 1
        before, cpu = server.memory_bytes, server.cpu_seconds
        phones = TlsPhones.new(server, n)
        cpu = server.cpu_seconds - cpu
        sleep 2
        after = server.memory_bytes
        raise Failed, "only #{phones.ping} of #{n} phones are still connected" if phones.ping < n
        detail = { n: n, before: before, after: after, pinged: server.memory_bytes }
        add("tls_phone_bytes", server, ((after - before) / n.to_f).round, nil, detail)
        add("tls_phone_cpu", server, (cpu * 1e6 / n).round(1), nil, detail)
        phones.close
      end
    end
  end

  # ---- many bindings ----

  # The same load on two servers at once, one with few, one with many bindings, by turns.
  def many(servers)
    servers.each do |name|
      with_server(name, %w[few_rate many_rate many_share], users: @o[:few]) do |few|
        with_server(name, %w[many_rate many_share startup_s], users: @o[:many]) do |many|
          register_all(few, @o[:few])
          register_all(many, @o[:many])
          refresh_all(many, @o[:many]) if name == "tandem"
          @o[:rounds].times { |round| few_and_many([[few, @o[:few]], [many, @o[:many]]].rotate(round)) }
          few.halt
          [@o[:rounds], 3].min.times { start_up(many) } if name == "tandem"
        end
      end
    end
  end

  # In any order, until the store deletes old rows as fast as new ones come (location/old_rows.h).
  def refresh_all(server, users)
    Load.new(server, mode: "register", users: users, at_once: @o[:at_once], count: users * 6 / 5).run
  end

  def few_and_many(pairs)
    name = pairs[0][0].name
    attempt(name, "many_share") do
      rates = pairs.to_h do |server, users|
        r = quietly(server, mode: "register", users: users, at_once: @o[:at_once], seconds: @o[:seconds])
        row = users == @o[:many] ? "many_rate" : "few_rate"
        add(row, server, r.per_second.round(1), r.argvs, r.summary.merge("bindings" => users, "cpu_us" => r.cpu_us.round(2)))
        @results.conditions("#{row} (#{name})", r)
        [row, r.per_second]
      end
      @results.add("many_share", name, (rates["many_rate"] / rates["few_rate"]).round(3))
    end
  end

  # From exec until calls to ten of the stored bindings, chosen at random, have been answered. Who calls tries every 20 ms.
  def start_up(server)
    attempt(server.name, "startup_s") do
      server.halt
      load = Load.new(server, mode: "call", users: @o[:many], count: 10, at_once: 10, persist: true, registered: true, give_up: 60,
                              processes: 1)
      load.start
      begun = monotonic_us
      server.start { load.go }
      r = load.finish
      raise Failed, "#{r[:failed]} of 10 calls failed" if r[:failed].positive?
      add("startup_s", server, ((r.answered_at_us - begun) / 1e6).round(3), r.argvs, r.summary.merge("bindings" => @o[:many]))
    ensure
      load&.stop
    end
  end

  # ---- open loops ----

  # Calls a second that Tandem can do.
  def capacity
    @capacity ||= @results.median("call_rate", "tandem") || Tandem.with(users: @o[:users]) do |server|
      Load.new(server, mode: "call", users: @o[:users], at_once: @o[:at_once], seconds: @o[:seconds]).run.per_second
    end
  end

  # The same calls a second for both, from the moment when each was due.
  def latency(servers)
    rate = (capacity / 2).round
    servers.each do |name|
      with_server(name, %w[ring_p50 ring_p99 ring_max answer_p50 answer_p99 answer_max], users: @o[:callers]) do |server|
        r = quietly(server, mode: "call", users: @o[:callers], at_once: @o[:at_once], rate: rate, seconds: @o[:seconds] * 2)
        detail = r.summary.merge("offered_per_second" => rate)
        %w[ring answer].each do |kind|
          { "p50" => r.quantile(kind, 0.5), "p99" => r.quantile(kind, 0.99), "max" => r.worst(kind) }.each do |what, us|
            add("#{kind}_#{what}", server, us, r.argvs, detail)
          end
        end
        @results.conditions("latency (#{name})", r)
        lost = r[:failed] + r[:late]
        @results.note("Latency, #{name}: #{lost} of #{r.due} calls failed or could not begin.") if lost.positive?
      end
    end
  end

  # Calls whose 200 came before the 180. The callee sends both at once.
  def inversions(servers)
    servers.each do |name|
      with_server(name, ["inversions"], users: @o[:users], cpus: [0, 1]) do |server|
        r = Load.new(server, mode: "call", users: @o[:users], at_once: @o[:at_once], count: @o[:calls]).run
        raise Failed, "#{r[:failed]} of #{@o[:calls]} calls failed" if r[:failed] * 1000 > @o[:calls]
        add("inversions", server, r[:inversions], r.argvs, r.summary)
        @results.note("Inversions, #{name}: of #{r[:begun]} calls, #{r[:failed]} failed.")
      end
    end
  end

  # Twice as many calls are due as the server does when it is asked for no more than it can.
  def overload(servers)
    servers.each do |name|
      with_server(name, %w[overload_goodput overload_told overload_byes], users: @o[:crowd]) do |server|
        crowd = { mode: "call", users: @o[:crowd], at_once: @o[:at_once] }
        Load.new(server, **crowd, seconds: @o[:seconds]).run # what is remembered for 32 s is as much as it gets
        peak = quietly(server, **crowd, seconds: @o[:seconds]).per_second
        r = quietly(server, **crowd, rate: (2 * peak).round, seconds: @o[:seconds] * 2, give_up: 5)
        detail = r.summary.merge("peak_per_second" => peak, "offered_per_second" => (2 * peak).round,
                                 "answer_p99_us" => (r.quantile(:answer, 0.99) if r[:done].positive?))
        add("overload_goodput", server, (r.per_second / peak).round(3), r.argvs, detail)
        add("overload_told", server, (r[:failed].zero? ? 1.0 : r[:refused_later] / r[:failed].to_f).round(3), r.argvs, detail)
        add("overload_byes", server, r[:byes_failed], r.argvs, detail)
        @results.conditions("overload (#{name})", r)
        @results.note("Overload, #{name}: every caller was busy #{r[:late]} of #{r.due} times.") if r[:late].positive?
      end
    end
  end

  # 127.0.0.2 sends requests without credentials, 127.0.0.1 makes a fourth of the calls that could be made without that.
  def flood(servers)
    rate = (capacity / 4).round
    servers.product(%w[invite register]).each do |name, method|
      with_server(name, ["flood_#{method}", "flood_#{method}_p99"], users: @o[:callers]) do |server|
        others = Load.new(server, mode: "call", users: @o[:callers], at_once: @o[:at_once], rate: rate, seconds: @o[:seconds] * 2,
                                  give_up: 5)
        attacker = Load.new(server, mode: "flood-#{method}", local: "127.0.0.2", rate: @o[:flood],
                                    seconds: @o[:seconds] * 2 + 0.5, processes: 1)
        r, flood = together(others, attacker)
        detail = r.summary.merge("offered_per_second" => rate, "flood_sent" => flood[:sent], "flood_load_cpu" => flood.load_cpu)
        add("flood_#{method}", server, (r.within(:answer, 1_000_000) / r.due.to_f).round(4), r.argvs + attacker.argvs, detail)
        add("flood_#{method}_p99", server, r.quantile(:answer, 0.99), r.argvs + attacker.argvs, detail)
      end
    end
  end

  def together(others, attacker)
    [others, attacker].each(&:start)
    attacker.go
    sleep 0.3
    others.go
    [others.finish, attacker.finish]
  ensure
    [others, attacker].each(&:stop)
  end

  # ---- registrations at providers ----

  # Tandem registers with a Kamailio, which asks for a password and grants a minute.
  def providers(servers)
    return unless servers.include?("tandem")
    n = @o[:providers]
    rows = %w[provider_bytes provider_cpu provider_rate provider_failing]
    attempt("tandem", *rows) do
      Kamailio.with(users: n, cpus: Cpus::LOAD) do |registrar|
        with_server("tandem", rows, users: 0) { |server| keep_registered(server, registrar, n) }
      end
    end
  end

  def keep_registered(server, registrar, n)
    before = server.memory_bytes
    server.add_providers(n, registrar.port)
    600.times { server.status["providers_registered"] == n ? break : sleep(0.5) }
    after = server.memory_bytes
    sleep 28 # the first refresh is at half of a minute
    first, cpu, at = server.status, server.cpu_seconds, monotonic_us
    raise Failed, "#{first["providers_registered"]} of #{n} are registered" if first["providers_registered"] < n
    sleep @o[:refreshing]
    last, cpu, seconds = server.status, server.cpu_seconds - cpu, (monotonic_us - at) / 1e6
    refreshes = last["provider_successes"] - first["provider_successes"]
    detail = { n: n, before: before, after: after, seconds: seconds, refreshes: refreshes, registered: last["providers_registered"] }
    add("provider_bytes", server, ((after - before) / n.to_f).round, nil, detail)
    raise Failed, "nothing was refreshed in #{seconds.round} s" if refreshes.zero?
    add("provider_cpu", server, (cpu * 1e6 / refreshes).round(2), nil, detail)
    add("provider_rate", server, (refreshes / seconds).round(1), nil, detail)
    add("provider_failing", server, last["providers_failing"], nil, detail)
  end

  # ---- dialplans ----

  # The Ruby side of a call alone: processor time of core, zygote and sandboxes for each run.
  def dialplan(servers)
    return unless servers.include?("tandem")
    %w[warm fresh].each do |kind|
      attempt("tandem", "dialplan_#{kind}") do
        argv = ["taskset", "-c", Cpus::SERVER.join(","), File.join(BUILD, "test/bench/bench-dialplan"), "--#{kind}", "--json",
                "-n", @o[:runs].to_s]
        out, err, status = Open3.capture3(*argv)
        raise Failed, "bench-dialplan: #{err.lines.last(3).join}" unless status.success?
        result = JSON.parse(out)
        @results.add("dialplan_#{kind}", "tandem", result.fetch("runs_per_core_s").round(1), argv: argv, detail: result)
      end
    end
  end

  # ---- scaling ----

  def workers(servers)
    servers.product([1, 2]).each do |name, count|
      with_server(name, %W[register_#{count}w_cpu call_#{count}w_cpu], users: @o[:users], cpus: (0...count).to_a) do |server|
        %w[register call].each { |mode| throughput(server, "#{mode}_#{count}w", mode: mode) }
        @results.extra("contention, 2 workers", server.contention) if name == "tandem" && count == 2
      end
    end
  end
end
