# SPDX-License-Identifier: BSD-3-Clause
# puts, print and p go where sys.Log goes, line by line.

module Tandem
  class Output
    LINE_MAX = 2000

    def initialize
      @line = +''
    end

    def write(*parts)
      parts.sum do |part|
        text = part.to_s
        @line << text
        flush_lines
        text.bytesize
      end
    end

    def flush
      TandemSandbox.log(@line) unless @line.empty?
      @line = +''
      self
    end

    def drop
      @line = +''
    end

    def print(*parts)
      write(*parts)
      nil
    end

    def puts(*parts)
      parts = [''] if parts.empty?
      parts.flatten.each { |part| write(part.to_s.chomp, "\n") }
      nil
    end

    def printf(format, *parts)
      write(format(format, *parts))
      nil
    end

    def <<(part)
      write(part)
      self
    end

    def sync = true
    def sync=(_on); end
    def tty? = false
    alias isatty tty?

    private

    def flush_lines
      while (n = @line.index("\n"))
        TandemSandbox.log(@line.slice!(0..n).chomp)
      end
      flush if @line.bytesize > LINE_MAX
    end
  end
end

module Kernel
  private

  def warn(*lines, **) = $stderr.puts(*lines)
end

$stdout = Tandem::Output.new
$stderr = $stdout
