import{p as a,q as b}from"./chunk-4RSHNJW7.js";import"./chunk-SRI2MAK6.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
