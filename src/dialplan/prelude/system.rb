# SPDX-License-Identifier: BSD-3-Clause
# System::…, the classes of .NET that scripts reached through IronRuby. Results are Ruby's own values;
# dates are Time with the members that DateTime had.

module System
  module Convert
    def self.ToInt32(value) = Integer(value.to_s.strip, 10)
    def self.ToInt64(value) = Integer(value.to_s.strip, 10)
    def self.ToDouble(value) = Float(value)
    def self.ToDecimal(value) = BigDecimal(value.to_s)
    def self.ToString(value) = value.to_s
    def self.ToBoolean(value) = value == true || value.to_s.casecmp?('true')
    def self.ToBase64String(bytes) = [bytes.is_a?(Array) ? bytes.pack('C*') : bytes.to_s].pack('m0')
    def self.FromBase64String(text) = text.to_s.unpack1('m').bytes
  end

  module Int32
    MaxValue = 2**31 - 1
    def self.Parse(text) = Convert.ToInt32(text)
    def self.TryParse(text) = text.to_s.match?(/\A\s*[-+]?\d+\s*\z/)
  end
  Int64 = Int32

  module Double
    def self.Parse(text) = Float(text)
  end
  Decimal = Double

  String = ::String
  Object = ::Object
  Exception = ::StandardError
  ApplicationException = Class.new(::StandardError)

  module Environment
    NewLine = "\r\n"
    def self.TickCount = (Process.clock_gettime(Process::CLOCK_MONOTONIC) * 1000).to_i
  end

  module Console
    def self.WriteLine(text = '') = $stdout.puts(text.to_s)
    def self.Write(text) = $stdout.print(text.to_s)
  end

  module Math
    def self.Abs(n) = n.abs
    def self.Max(a, b) = [a, b].max
    def self.Min(a, b) = [a, b].min
    def self.Round(n, digits = 0) = n.round(digits, half: :even)
    def self.Floor(n) = n.floor
    def self.Ceiling(n) = n.ceil
    def self.Pow(a, b) = a**b
    def self.Sqrt(n) = ::Math.sqrt(n)
  end

  class Random < ::Random
    # Next([[from,] below])
    def Next(from = nil, below = nil)
      from, below = 0, from || Int32::MaxValue if below.nil?
      from == below ? from : rand(from...below)
    end

    def NextDouble = rand
  end

  class Guid
    Empty = '00000000-0000-0000-0000-000000000000'
    def self.NewGuid = SecureRandom.uuid
  end

  class Uri
    def self.EscapeDataString(text) = URI.encode_www_form_component(text.to_s).gsub('+', '%20')
    def self.UnescapeDataString(text) = URI.decode_www_form_component(text.to_s.gsub('+', '%2B'))
    def self.new(text) = URI.parse(text.to_s)
  end

  module Web
    module HttpUtility
      def self.UrlEncode(text) = URI.encode_www_form_component(text.to_s)
      def self.UrlDecode(text) = URI.decode_www_form_component(text.to_s)
      def self.HtmlEncode(text) = text.to_s.gsub(/[&<>"]/, '&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;')
    end
  end

  module Net
    class WebClient
      def DownloadString(address) = Tandem::Net.get(address) || raise(::StandardError, "#{address} could not be fetched")
      def Dispose = nil
      Tandem::Names.spread(self)
    end
  end

  module Threading
    module Thread
      def self.Sleep(milliseconds) = Kernel.sleep(milliseconds / 1000.0)
    end
  end

  module Collections
    module Generic
      # List[String].new and Dictionary[String, String].new: types are not asked for.
      List = ::Array
      class Dictionary < ::Hash
        def self.[](*types) = types.all?(::Module) ? self : super
        def self.of(*) = self
      end
    end
    ArrayList = ::Array
    Hashtable = ::Hash
  end

  module Text
    class StringBuilder
      def initialize(text = '') = @text = +text.to_s

      def Append(part)
        @text << part.to_s
        self
      end

      def AppendLine(part = '') = Append("#{part}\r\n")
      def Length = @text.length
      def to_s = @text.dup
      alias ToString to_s
      Tandem::Names.spread(self)
    end

    module RegularExpressions
      module RegexOptions
        None = 0
        IgnoreCase = Regexp::IGNORECASE
        Multiline = 0 # ^ and $ match at lines anyway
        Singleline = Regexp::MULTILINE
      end

      class Group
        attr_reader :Value, :Index

        def initialize(value, index)
          @Value = value || ''
          @Success = !value.nil?
          @Index = index || -1
        end

        def Success = @Success
        def Length = @Value.length
        def to_s = @Value
        alias ToString to_s
        Tandem::Names.spread(self)
      end

      class Match < Group
        attr_reader :Groups

        def initialize(found)
          super(found && found[0], found&.begin(0))
          @Groups = found ? found.to_a.each_with_index.map { |text, i| Group.new(text, found.begin(i)) } : []
        end
        Tandem::Names.spread(self)
      end

      class Regex
        def initialize(pattern, options = 0)
          @pattern = Tandem.pattern(pattern, options)
        end

        def IsMatch(text) = text.to_s.match?(@pattern)
        def Match(text) = RegularExpressions::Match.new(@pattern.match(text.to_s))
        def Replace(text, with) = text.to_s.gsub(@pattern, with.to_s.gsub(/\$(\d)/, '\\\\\1'))
        def Split(text) = text.to_s.split(@pattern, -1)

        def Matches(text)
          found = []
          text.to_s.scan(@pattern) { found.push(RegularExpressions::Match.new($~)) }
          found
        end
        Tandem::Names.spread(self)

        class << self
          def IsMatch(text, pattern, options = 0) = new(pattern, options).IsMatch(text)
          def Match(text, pattern, options = 0) = new(pattern, options).Match(text)
          def Matches(text, pattern, options = 0) = new(pattern, options).Matches(text)
          def Replace(text, pattern, with, options = 0) = new(pattern, options).Replace(text, with)
          def Split(text, pattern, options = 0) = new(pattern, options).Split(text)
          def Escape(text) = Regexp.escape(text.to_s)
        end
        Tandem::Names.spread(singleton_class)
      end
    end
  end
end

module Tandem
  def self.pattern(pattern, options = 0) = pattern.is_a?(Regexp) ? pattern : Regexp.new(pattern.to_s, options)
end
