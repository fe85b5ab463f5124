import type { SeedPerson } from '../accounts/seed.ts';

/** Made-up people with names as they are found around the world. The same number gives the same person. */

type Names = { locale: string; given: string[]; family: string[]; isFamilyFirst?: boolean };

/** Shown, and after a `|` as it stands in an address where that is something else. */
const cultures: Names[] = [
  {
    locale: 'en',
    given: words(
      'Olivia Amelia Noah Oliver Grace Henry Isla Jack Freya Leo Poppy Arthur Ruby Oscar Ivy Theo',
    ),
    family: words("Smith Jones Taylor Brown Walker O'Brien|obrien Hughes Clarke Patel Turner Bennett Shaw"),
  },
  {
    locale: 'de',
    given: words(
      'Jürgen|juergen Anna Lukas Käthe|kaethe Felix Marie Björn|bjoern Lena Paul Greta Jonas Ida Emil',
    ),
    family: words(
      'Müller|mueller Schäfer|schaefer Weiß|weiss Krüger|krueger Vogt Brandt Neumann Köhler|koehler',
    ),
  },
  {
    locale: 'es',
    given: words(
      'José|jose Lucía|lucia Martín|martin Sofía|sofia Andrés|andres Inés|ines Mateo Camila Iván|ivan',
    ),
    family: words(
      'García|garcia Fernández|fernandez Muñoz|munoz Rodríguez|rodriguez López|lopez Peña|pena Díaz|diaz',
    ),
  },
  {
    locale: 'pt-BR',
    given: words(
      'João|joao Mariana Luís|luis Beatriz Caio Antônia|antonia Rafael Letícia|leticia Tiago Clara',
    ),
    family: words('Silva Souza Conceição|conceicao Araújo|araujo Oliveira Gonçalves|goncalves Lima Ribeiro'),
  },
  {
    locale: 'pl',
    given: words('Łukasz|lukasz Zofia Michał|michal Agnieszka Paweł|pawel Małgorzata|malgorzata Jan Hanna'),
    family: words('Wójcik|wojcik Kowalska Zieliński|zielinski Dąbrowska|dabrowska Nowak Lewandowska'),
  },
  {
    locale: 'fr',
    given: words(
      'Chloé|chloe Léa|lea Jules Éloïse|eloise Gaël|gael Zoé|zoe Hugo Manon Raphaël|raphael Inès|ines',
    ),
    family: words('Lefèvre|lefevre Moreau Dubois Gérard|gerard Rousseau Bérenger|berenger Petit Faure'),
  },
  {
    locale: 'vi',
    given: words('Minh Hương|huong Đức|duc Thảo|thao Quân|quan Ngọc|ngoc Tuấn|tuan Lan Bình|binh Mai'),
    family: words('Nguyễn|nguyen Trần|tran Lê|le Phạm|pham Hoàng|hoang Võ|vo Đặng|dang Bùi|bui'),
    isFamilyFirst: true,
  },
  {
    locale: 'ja',
    given: words(
      '太郎|taro 花子|hanako 健|ken 美咲|misaki 大輔|daisuke 陽菜|hina 翔|sho 結衣|yui 蓮|ren 葵|aoi',
    ),
    family: words(
      '佐藤|sato 鈴木|suzuki 高橋|takahashi 田中|tanaka 伊藤|ito 渡辺|watanabe 山本|yamamoto 中村|nakamura',
    ),
    isFamilyFirst: true,
  },
  {
    locale: 'ru',
    given: words(
      'Анна|anna Дмитрий|dmitry Мария|maria Иван|ivan Ольга|olga Сергей|sergey Юлия|yulia Пётр|petr',
    ),
    family: words(
      'Иванова|ivanova Смирнов|smirnov Кузнецова|kuznetsova Попов|popov Соколова|sokolova Орлов|orlov',
    ),
  },
  {
    locale: 'ar',
    given: words(
      'محمد|mohammed فاطمة|fatima أحمد|ahmed مريم|maryam يوسف|yusuf ليلى|layla خالد|khalid نور|noor',
    ),
    family: words('العلي|alali حسن|hassan المصري|almasri الخطيب|alkhatib منصور|mansour الحداد|alhaddad'),
  },
  {
    locale: 'hi',
    given: words(
      'आरव|aarav दीया|diya अर्जुन|arjun अनन्या|ananya रोहन|rohan प्रिया|priya विवान|vivaan मीरा|meera',
    ),
    family: words('शर्मा|sharma वर्मा|verma गुप्ता|gupta सिंह|singh मेहता|mehta नायर|nair जोशी|joshi'),
  },
  {
    locale: 'yo',
    given: words(
      'Adébáyò|adebayo Yétúndé|yetunde Olúwáṣeun|oluwaseun Fọlákẹ́|folake Ìbùkún|ibukun Títílayọ̀|titilayo',
    ),
    family: words('Adéyẹmí|adeyemi Ògúnlẹ́yẹ|ogunleye Bánkọ́lé|bankole Okonkwo Eze Balogun'),
  },
  {
    locale: 'zh',
    given: words('伟|wei 芳|fang 娜|na 敏|min 静|jing 强|qiang 磊|lei 洋|yang 艳|yan 勇|yong 杰|jie 婷|ting'),
    family: words('王|wang 李|li 张|zhang 刘|liu 陈|chen 杨|yang 黄|huang 赵|zhao 周|zhou 吴|wu'),
    isFamilyFirst: true,
  },
  {
    locale: 'tr',
    given: words('Zeynep Emre Elif Çağla|cagla Burak Işıl|isil Ömer|omer Şule|sule Kerem Gül|gul'),
    family: words('Yılmaz|yilmaz Öztürk|ozturk Şahin|sahin Çelik|celik Doğan|dogan Aydın|aydin'),
  },
];

const domains = ['example.com', 'example.org', 'example.net', 'mail.example.com', 'post.example.org'];
export const seedGroups = ['berlin', 'lagos', 'lima', 'osaka'];
const threeYearsMs = 3 * 365 * 24 * 60 * 60 * 1000;

/**
 * @param number which of `count`; the later, the younger
 * @param mark what tells the addresses of one seeding from those of another
 */
export function personOf(number: number, how: { count: number; until: number; mark: string }): SeedPerson {
  let dice = scatter(number);
  const pick = <T>(from: readonly T[]): T => {
    const picked = from[dice % from.length] as T;
    dice = scatter(dice + 1);
    return picked;
  };
  const { locale, given: givens, family: families, isFamilyFirst } = pick(cultures);
  const [given = '', givenAscii = given] = pick(givens).split('|');
  const [family = '', familyAscii = family] = pick(families).split('|');
  const name = isFamilyFirst ? `${family} ${given}` : `${given} ${family}`;
  const address = `${givenAscii}.${familyAscii}`.toLowerCase();
  return {
    email: `${address}.${number.toString(36)}${how.mark}@${pick(domains)}`,
    profile: { name, given_name: given, family_name: family, locale },
    roles: number % 20_000 === 7 ? ['auditor'] : number % 5_000 === 3 ? ['account-manager'] : [],
    groups: number % 4 === 0 ? [pick(seedGroups)] : [],
    isDisabled: number % 100 === 42,
    createdAt: Math.floor(how.until - threeYearsMs * (1 - (number + 1) / how.count)),
  };
}

function words(text: string): string[] {
  return text.split(' ');
}

/** Numbers that follow one another come out far apart (the finaliser of MurmurHash3). */
function scatter(number: number): number {
  let mixed = number ^ (number >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
